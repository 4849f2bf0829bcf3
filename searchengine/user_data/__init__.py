"""What a user keeps of searches: saved ones, the history, judgements; each found again later."""
