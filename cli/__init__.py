"""How does a person say it? Parse, call one method, print."""
