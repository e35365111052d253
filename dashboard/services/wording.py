"""How values are said to a person: one place for words, signs and units."""

import math

__all__ = ["ABSENT", "degrees", "number", "plain", "protocol", "signed", "verbatim"]

ABSENT = "–"
"""What stands where nothing was measured."""

_MARKUP = frozenset('\\`*_{}[]()#+-!|<>~:$"&')
PROTOCOLS = {"passive_stretch": "passive stretches", "pendulum": "pendulum test"}


def number(value: float | None, unit: str = "", *, digits: int = 1) -> str:
    """Write a value with its unit, or a dash where there is none; minus is a minus, and never minus zero."""
    if value is None or not math.isfinite(value):
        return ABSENT
    rounded = round(value, digits) + 0.0
    return f"{rounded:.{digits}f}{unit}".replace("-", "−")


def degrees(value: float | None) -> str:
    """Write an angle to a tenth of a degree."""
    return number(value, "°")


def signed(value: float | None, unit: str = "", *, digits: int = 1) -> str:
    """Write a difference with its sign."""
    if value is None or not math.isfinite(value):
        return ABSENT
    text = number(value, unit, digits=digits)
    return f"+{text}" if round(value, digits) > 0 else text


def plain(name: str) -> str:
    """Write an identifier of the contract as words: ``knee_flexors`` as "knee flexors"."""
    return name.replace("_", " ")


def protocol(test: str) -> str:
    """Write the protocol of a recording as words."""
    return PROTOCOLS.get(test, plain(test))


def verbatim(text: str) -> str:
    """Escape a text that people or files supplied, so that a page shows it and does not interpret it."""
    return "".join(f"\\{letter}" if letter in _MARKUP else letter for letter in " ".join(text.split()))
