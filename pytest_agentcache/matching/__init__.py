"""The key that decides which recorded response a request gets, and differences for people."""
