"""HTTP messages: their headers, their bodies, and the form in which they travel."""
