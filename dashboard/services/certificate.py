"""The certificate of a calibration, for the folder that goes with the unit."""

from collections.abc import Iterator

import numpy as np

from dashboard.services.calibrating import Certificate
from sensors.known_loads import AxisCorrection

__all__ = ["render_certificate"]


def render_certificate(made: Certificate) -> str:
    """Return the certificate as Markdown."""
    unit = made.unit
    kept = "The unit keeps it." if made.written else "It was not written into the unit."
    lines = [
        f"# Calibration of {unit.name} ({unit.unit_id})",
        "",
        f"{made.made_at:%Y-%m-%d %H:%M %z}, firmware {unit.firmware or 'unknown'}. {kept}",
        "Corrected = matrix · (measured − offset). Research device, not a medical device.",
        "",
    ]
    for channel in made.acc:
        lines += _axes(f"{channel.value}, accelerometer", made.acc[channel], "m/s²")
        lines += _axes(f"{channel.value}, gyroscope", made.gyr[channel], "rad/s", left="rad of a turn")
    if made.force is not None:
        force = made.force
        lines += [
            "## Force",
            "",
            f"- offset {force.offset_counts:.0f} counts, {force.scale_N * 1000:.5g} mN a count",
            f"- left over {force.residual_N:.3g} N (root mean square), nonlinearity {force.nonlinearity:.2%} of full",
            "",
        ]
    if made.hinge is not None:
        hinge = made.hinge
        lines += [
            "## Joint angle on the hinge jig",
            "",
            f"- gain {hinge.gain:.4f}; left over {hinge.residual_deg:.2f} deg RMS, {hinge.largest_deg:.2f} at most",
            "",
        ]
    return "\n".join(lines)


def _axes(title: str, found: AxisCorrection, unit: str, *, left: str = "") -> Iterator[str]:
    scale = (np.diag(found.matrix) - 1.0) * 100.0
    cross = np.abs(found.matrix - np.diag(np.diag(found.matrix))).max() * 100.0
    yield from (f"## {title}", "", "| axis | offset | scale |", "|---|---|---|")
    for axis, name in enumerate("xyz"):
        yield f"| {name} | {found.offset[axis]:+.4f} {unit} | {scale[axis]:+.3f} % |"
    yield from ("", f"Largest cross-talk {cross:.3f} %; left over {found.residual:.2g} {left or unit}.", "")
