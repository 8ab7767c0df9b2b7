"""One contract, every client."""
