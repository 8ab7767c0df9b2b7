"""A server on this machine, by which other processes and languages use the cassette of a test."""
