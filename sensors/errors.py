"""Errors of sensors and their signals."""

from analysis.errors import CatchangleError

__all__ = ["LinkError", "SensorError"]


class SensorError(CatchangleError):
    """Sensor signals cannot be turned into what was asked of them."""


class LinkError(SensorError):
    """A sensor cannot be found, opened, set up or kept; the message says the remedy."""
