"""Factors from what devices send to what catchangle keeps."""

import math

__all__ = ["INT16_FULL_SCALE", "RAD_PER_DEG", "STANDARD_GRAVITY_M_S2"]

STANDARD_GRAVITY_M_S2 = 9.80665
"""1 g, and newtons per kilogram-force (3rd CGPM, 1901)."""
RAD_PER_DEG = math.pi / 180
INT16_FULL_SCALE = 32768.0
"""Count at the full scale of a signed 16-bit value."""
