"""Errors of sensors and their signals."""

from analysis.errors import CatchangleError

__all__ = ["LinkError", "NoRadioError", "RefusedError", "SensorError"]


class SensorError(CatchangleError):
    """Sensor signals cannot be turned into what was asked of them."""


class LinkError(SensorError):
    """A sensor cannot be found, opened, set up or kept; the message says the remedy."""


class NoRadioError(LinkError):
    """No radio of this machine may be used; the message says what to do."""


class RefusedError(LinkError):
    """A sensor answers but cannot do what was asked (firmware, rate, packet size); trying again does not help."""
