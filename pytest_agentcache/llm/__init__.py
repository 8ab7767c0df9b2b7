"""Requests to language models and their responses, read for people: conversation, output, usage."""
