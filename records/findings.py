"""An assessment as the JSON of the contract, and its angle series as a table for other programs."""

import math
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from analysis.finding import (
    Assessment,
    Catch,
    Detection,
    EmgOnset,
    Grade,
    Pendulum,
    Repeatability,
    Resistance,
    ResistanceParts,
    StretchFinding,
    Tardieu,
    Threshold,
)
from analysis.model import Source
from records.columns import ANGLE, ANGLE_SOURCE, TIME
from records.durable import write_file
from records.errors import RecordError

__all__ = ["finding_of", "write_angles"]

DIGITS = 4
"""Decimals of times, angles, moments and ratios in JSON: finer than anything that is measured."""
PROBABILITY_DIGITS = 6
ROW_NUMBER_DIGITS = 6


def finding_of(assessment: Assessment, *, path: str, angle_file: str | Path | None = None) -> dict[str, Any]:
    """Write an assessment as one element of "recordings" in what ``analyze --json`` prints.

    Parameters
    ----------
    assessment
        The assessment.
    path
        The path that was analysed, as it was given.
    angle_file
        File of the angle series, where one was written.

    Returns
    -------
    dict
        Plain JSON values; all keys are there, ``None`` where something was not found, numbers are finite. Beyond the
        contract: ``peak_s``, ``emg``, ``parts`` and ``detections`` of a stretch, ``angle_interval95_deg`` of a catch,
        ``mu_ci95_s``, ``method``
        and ``points`` of a threshold, ``repeatability`` and ``version``.
    """
    recording = assessment.recording
    return {
        "path": path,
        "muscle_group": recording.muscle_group.value,
        "side": recording.side.value,
        "test": recording.test.value,
        "sources": _sources(assessment),
        "angle": {
            "rate_hz": _number(recording.angle.rate_hz),
            "n": int(recording.angle.time_s.size),
            "zero": recording.angle.zero.value,
            "zero_sd_deg": _number(recording.angle.zero_sd_deg),
            "file": None if angle_file is None else str(angle_file),
        },
        "stretches": [_stretch(one) for one in assessment.stretches],
        "tardieu": _tardieu(assessment.tardieu),
        "repeatability": _repeatability(assessment.repeatability),
        "threshold": _threshold(assessment.threshold),
        "pendulum": _pendulum(assessment.pendulum),
        "mas": _mas(assessment.grade),
        "warnings": list(assessment.warnings),
        "version": version("catchangle"),
    }


def _number(value: float | None, digits: int = DIGITS) -> float | None:
    """Round a number; what is not finite was not measured."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), digits) + 0.0


def _interval(bounds: tuple[float, float]) -> list[float | None]:
    return [_number(bound) for bound in bounds]


def _sources(assessment: Assessment) -> list[str]:
    """Name the streams that the angle and the resistance came from."""
    recording = assessment.recording
    sources = [recording.angle.source.value, *(source.value for source in recording.fused)]
    kinds = {one.resistance.kind for one in assessment.stretches if one.resistance}
    if Source.FORCE.value in kinds:
        sources.append(Source.FORCE.value)
    return sources


def _stretch(found: StretchFinding) -> dict[str, Any]:
    stretch = found.stretch
    return {
        "start_s": _number(stretch.start_s),
        "peak_s": _number(stretch.peak_s),
        "end_s": _number(stretch.end_s),
        "start_deg": _number(stretch.start_deg),
        "end_deg": _number(stretch.end_deg),
        "peak_velocity_deg_s": _number(stretch.peak_velocity_deg_s),
        "velocity": stretch.velocity.value,
        "catch": _catch(found.catch),
        "resistance": _resistance(found.resistance),
        "quality": list(found.quality),
        "emg": [_emg(onset) for onset in found.emg],
        "parts": _parts(found.parts),
        "detections": [_detection(one) for one in found.detections],
    }


def _parts(parts: ResistanceParts | None) -> dict[str, float | None] | None:
    return None if parts is None else {one.name: _number(getattr(parts, one.name)) for one in fields(parts)}


def _detection(found: Detection) -> dict[str, Any]:
    return {
        "method": found.method,
        "time_s": _number(found.time_s),
        "angle_deg": _number(found.angle_deg),
        "sd_deg": _number(found.sd_deg),
        "probability": _number(found.probability, PROBABILITY_DIGITS),
    }


def _emg(onset: EmgOnset) -> dict[str, Any]:
    return {
        "muscle": onset.muscle,
        "onset_s": _number(onset.time_s),
        "sd_s": _number(onset.sd_s),
        "amplitude_ratio": _number(onset.amplitude_ratio),
        "method": onset.method,
    }


def _catch(catch: Catch | None) -> dict[str, Any] | None:
    if catch is None:
        return None
    return {
        "time_s": _number(catch.time_s),
        "angle_deg": _number(catch.angle_deg),
        "angle_interval95_deg": _interval(catch.angle_interval95_deg),
        "stretch_deg": _number(catch.stretch_deg),
        "probability": _number(catch.probability, PROBABILITY_DIGITS),
        "method": catch.method,
    }


def _repeatability(found: Repeatability) -> dict[str, Any]:
    return {
        "fast": found.fast,
        "peak_velocity_deg_s": _number(found.peak_velocity_deg_s),
        "peak_velocity_cv": _number(found.peak_velocity_cv),
        "start_sd_deg": _number(found.start_sd_deg),
        "r1_sd_deg": _number(found.r1_sd_deg),
        "r2_sd_deg": _number(found.r2_sd_deg),
    }


def _resistance(resistance: Resistance | None) -> dict[str, Any] | None:
    if resistance is None:
        return None
    return {
        "peak_Nm": _number(resistance.peak_Nm),
        "peak_excess_Nm": _number(resistance.peak_excess_Nm),
        "work_J": _number(resistance.work_J),
        "stiffness_Nm_per_rad": _number(resistance.stiffness_Nm_per_rad),
        "viscosity_Nms_per_rad": _number(resistance.viscosity_Nms_per_rad),
        "kind": resistance.kind,
    }


def _tardieu(tardieu: Tardieu) -> dict[str, Any]:
    return {
        "r1_deg": _number(tardieu.r1_deg),
        "r2_deg": _number(tardieu.r2_deg),
        "spasticity_angle_deg": _number(tardieu.spasticity_angle_deg),
        "x": tardieu.x,
    }


def _threshold(threshold: Threshold | None) -> dict[str, Any] | None:
    if threshold is None:
        return None
    return {
        "tsrt_deg": _number(threshold.tsrt_deg),
        "mu_s": _number(threshold.mu_s, PROBABILITY_DIGITS),
        "tsrt_ci95_deg": _interval(threshold.tsrt_ci95_deg),
        "n": threshold.n,
        "mu_ci95_s": [_number(bound, PROBABILITY_DIGITS) for bound in threshold.mu_ci95_s],
        "method": threshold.method,
        "points": [
            {"velocity_deg_s": _number(velocity), "angle_deg": _number(angle)} for velocity, angle in threshold.points
        ],
    }


def _pendulum(pendulum: Pendulum | None) -> dict[str, Any] | None:
    if pendulum is None:
        return None
    return {
        "a0_deg": _number(pendulum.a0_deg),
        "a1_deg": _number(pendulum.a1_deg),
        "relaxation_index": _number(pendulum.relaxation_index),
        "r2n": _number(pendulum.r2n),
        "swings": pendulum.swings,
        "area_ratio": _number(pendulum.area_ratio),
        "period_s": _number(pendulum.period_s),
        "damping_ratio": _number(pendulum.damping_ratio),
        "release_s": _number(pendulum.release_s),
        "resting_deg": _number(pendulum.resting_deg),
        "peak_velocity_deg_s": _number(pendulum.peak_velocity_deg_s),
        "model": None
        if pendulum.model is None
        else {
            "stiffness_Nm_per_rad": _number(pendulum.model.stiffness_Nm_per_rad),
            "viscosity_Nms_per_rad": _number(pendulum.model.viscosity_Nms_per_rad),
            "rmse_deg": _number(pendulum.model.rmse_deg),
        },
    }


def _mas(grade: Grade | None) -> dict[str, Any] | None:
    if grade is None:
        return None
    return {
        "grade": grade.label,
        "probabilities": {label: _number(p, PROBABILITY_DIGITS) for label, p in grade.probabilities.items()},
        "set90": list(grade.set90),
        "contributions": {name: _number(value, PROBABILITY_DIGITS) for name, value in grade.contributions.items()},
    }


def write_angles(assessment: Assessment, folder: Path, name: str) -> Path:
    """Write the leading joint angle as ``<folder>/<name>.csv`` (time_s, angle_deg, source), whole or not at all.

    Parameters
    ----------
    assessment
        The assessment whose recording's angle is written; where the joint was not observed, angle and source are empty.
    folder
        Where to; made if it is not there.
    name
        Name of the recording, one part of a path.

    Raises
    ------
    RecordError
        If the name is no file name, or the disk refuses.
    """
    if not name or name in {".", ".."} or "/" in name or "\\" in name:
        raise RecordError(folder, f"'{name}' is no name of a file; rename the recording")
    angle = assessment.recording.angle
    rows = [
        f"{time_s:.{ROW_NUMBER_DIGITS}f},{angle_deg:.{ROW_NUMBER_DIGITS}f},{angle.source.value}"
        if np.isfinite(angle_deg)
        else f"{time_s:.{ROW_NUMBER_DIGITS}f},,"
        for time_s, angle_deg in zip(angle.time_s.tolist(), angle.angle_deg.tolist(), strict=True)
    ]
    text = "\n".join([f"{TIME},{ANGLE},{ANGLE_SOURCE}", *rows, ""])
    path = folder / f"{name}.csv"
    write_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return path
