"""The commands `fusion serve` and `fusion keys`."""
