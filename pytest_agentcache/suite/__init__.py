"""The suite as a whole: its tests and cassettes, what is used by none, what was moved."""
