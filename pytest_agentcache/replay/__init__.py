"""Decide how each request of a test is handled, and record what upstream returned."""
