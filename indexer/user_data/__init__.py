"""What a user keeps beside an index: saved searches, history, judgements; a file of its own."""
