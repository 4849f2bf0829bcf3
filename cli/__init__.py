"""Command line: how a person says it. Parse, call one method, print."""
