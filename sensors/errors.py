"""Errors of sensors and their signals."""

from analysis.errors import CatchangleError

__all__ = ["SensorError"]


class SensorError(CatchangleError):
    """Sensor signals cannot be turned into what was asked of them."""
