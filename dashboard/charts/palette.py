"""Colours that colour-blind readers can tell apart (Okabe & Ito 2008, https://jfly.uni-koeln.de/color/), by role."""

__all__ = [
    "AFTER",
    "ANGLE",
    "BEFORE",
    "CATCH",
    "FAST",
    "GRID",
    "HEALTHY",
    "INK",
    "LEFT_OUT",
    "QUIET",
    "R1",
    "R2",
    "SLOW",
    "VELOCITY",
    "band_of",
    "colour_of_class",
    "pale",
]

INK = "#1F2A37"
QUIET = "#6B7280"
GRID = "#E5E7EB"
ANGLE = "#0072B2"
VELOCITY = "#56677A"
CATCH = "#D55E00"
R1 = "#D55E00"
R2 = "#00805E"
HEALTHY = "#6B7280"
BEFORE = "#D55E00"
AFTER = "#0072B2"
SLOW = "#0072B2"
FAST = "#CC5A9A"
MIDDLE = "#9A7D0A"
LEFT_OUT = "#9CA3AF"

_CLASSES = {"V1": SLOW, "V2": MIDDLE, "V3": FAST}
_BAND_OPACITY = 0.10
_PALE_OPACITY = 0.28


def colour_of_class(velocity: str, *, left_out: bool = False) -> str:
    """Return the colour of a stretch by its velocity class; grey where it is left out of the summary."""
    return LEFT_OUT if left_out else _CLASSES.get(velocity, LEFT_OUT)


def band_of(colour: str) -> str:
    """Return a version of a colour for the background of a stretch."""
    return _faded(colour, _BAND_OPACITY)


def pale(colour: str) -> str:
    """Return a pale version of a colour, for what stands back."""
    return _faded(colour, _PALE_OPACITY)


def _faded(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
