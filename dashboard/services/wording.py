"""How values are said to a person: one place for words, signs and units."""

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["ABSENT", "degrees", "number", "plain", "protocol", "repetitions", "signed", "verbatim"]

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


def repetitions(finding: Mapping[str, Any]) -> str:
    """Say how alike the repetitions of a finding are, nothing where it has too few or does not know."""
    found = finding.get("repeatability")
    if found is None or found["peak_velocity_cv"] is None:
        return ""
    said = (
        f"{found['fast']} fast stretches: peak velocity {found['peak_velocity_deg_s']:.0f} °/s (median), coefficient "
        f"of variation {found['peak_velocity_cv']:.0%}"
    )
    spreads = {"R1": found["r1_sd_deg"], "R2": found["r2_sd_deg"]}
    told = [f"standard deviation of {name} {degrees(value)}" for name, value in spreads.items() if value is not None]
    return "; ".join([said, *told]) + "."


def verbatim(text: str) -> str:
    """Escape a text that people or files supplied, so that a page shows it and does not interpret it."""
    return "".join(f"\\{letter}" if letter in _MARKUP else letter for letter in " ".join(text.split()))
