"""The content of requests to language models and of their responses."""
