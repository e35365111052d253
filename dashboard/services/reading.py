"""The numbers of one finding by name, so that pages need not know the shape of the JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import hypot, sqrt
from statistics import median, stdev
from typing import Any

from analysis.finding import GRADES

__all__ = ["Reading", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one finding says; ``None`` where the recording does not show it.

    Attributes
    ----------
    r1_deg, r2_deg, spasticity_angle_deg, x
        Modified Tardieu scale.
    catch_stretch_deg
        Angle along the stretch at which the catch comes (median over the fast stretches that count).
    peak_Nm, peak_excess_Nm
        Largest resistance of the fast stretches that count, and its largest excess over a healthy limb.
    grade, set90
        Most probable modified Ashworth grade, and the grades that hold 90 %.
    tsrt_deg
        Tonic stretch-reflex threshold.
    standard_errors
        Of the values by name, from the repetitions of this exam, where there are at least two.
    """

    r1_deg: float | None
    r2_deg: float | None
    spasticity_angle_deg: float | None
    x: int | None
    catch_stretch_deg: float | None
    peak_Nm: float | None
    peak_excess_Nm: float | None
    grade: str | None
    set90: tuple[str, ...]
    probabilities: Mapping[str, float] | None
    tsrt_deg: float | None = None
    standard_errors: Mapping[str, float] = field(default_factory=dict)

    @property
    def grade_rank(self) -> int | None:
        """Rank of the most probable grade, 0 to 5 (1+ is rank 2)."""
        return None if self.grade is None else GRADES.index(self.grade)


def read(finding: Mapping[str, Any]) -> Reading:
    """Read a finding; stretches with a reason to be left out are left out."""
    fast = [one for one in finding["stretches"] if not one["quality"] and one["velocity"] == "V3"]
    catches = [one["catch"]["stretch_deg"] for one in fast if one["catch"] is not None]
    resisted = [one["resistance"] for one in fast if one["resistance"] is not None]
    tardieu, mas = finding["tardieu"], finding["mas"]
    return Reading(
        r1_deg=tardieu["r1_deg"],
        r2_deg=tardieu["r2_deg"],
        spasticity_angle_deg=tardieu["spasticity_angle_deg"],
        x=tardieu["x"],
        catch_stretch_deg=median(catches) if catches else None,
        peak_Nm=max((one["peak_Nm"] for one in resisted), default=None),
        peak_excess_Nm=max((one["peak_excess_Nm"] for one in resisted), default=None),
        grade=None if mas is None else mas["grade"],
        set90=() if mas is None else tuple(mas["set90"]),
        probabilities=None if mas is None else mas["probabilities"],
        tsrt_deg=None if finding.get("threshold") is None else finding["threshold"]["tsrt_deg"],
        standard_errors=_standard_errors(finding),
    )


def _standard_errors(finding: Mapping[str, Any]) -> dict[str, float]:
    """Work out the standard errors that the repetitions of an exam show, by the names of `Reading`."""
    good = [one for one in finding["stretches"] if not one["quality"]]
    fast = [one for one in good if one["velocity"] == "V3"]
    resisted = [one["resistance"] for one in fast if one["resistance"] is not None]
    repeats = {
        "r1_deg": [one["catch"]["angle_deg"] for one in fast if one["catch"] is not None],
        "r2_deg": [one["end_deg"] for one in good if one["velocity"] == "V1"],
        "peak_Nm": [one["peak_Nm"] for one in resisted],
        "peak_excess_Nm": [one["peak_excess_Nm"] for one in resisted],
    }
    errors = {name: stdev(values) / sqrt(len(values)) for name, values in repeats.items() if len(values) > 1}
    if "r1_deg" in errors and "r2_deg" in errors:
        errors["spasticity_angle_deg"] = hypot(errors["r1_deg"], errors["r2_deg"])
    return errors
