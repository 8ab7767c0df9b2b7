"""In which order requests stand on a cassette, whoever of parallel ones was faster."""
