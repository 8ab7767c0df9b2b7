"""The order of interactions on a cassette, whichever of several concurrent requests was faster."""
