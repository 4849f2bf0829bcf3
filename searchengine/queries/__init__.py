"""What is asked: words, an example, a picture, conditions, and judgements of before."""
