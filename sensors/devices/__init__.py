"""One module per kind of sensor: bytes to samples, and the few writes that set it up."""
