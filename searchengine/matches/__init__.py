"""What answers: matches, alone and as a ranked whole, with what explains them."""
