"""Writes a simulated exam as a recording folder of the contract, with its truth beside it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from analysis.model import FloatArray
from analysis.simulate import ExamTruth, VirtualExam, VirtualImu
from records.durable import discard, new_folder, place_folder, refusal
from records.errors import RecordError, StoreError
from records.manifest import FORMAT, MANIFEST, VERSION

__all__ = ["TRUTH", "describe_exam", "describe_truth", "write_exam"]

TRUTH = "truth.json"
"""File beside ``recording.json`` that holds what was planted; nothing that analyses a recording reads it."""

_TIME_FORMAT = "%.5f"
_VALUE_FORMAT = "%.6g"
_IMU_COLUMNS = ("acc_x_m_s2", "acc_y_m_s2", "acc_z_m_s2", "gyr_x_rad_s", "gyr_y_rad_s", "gyr_z_rad_s")
_DECIMALS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    """One stream as it is written: its entry in the manifest, its columns and its values, shape (n, columns)."""

    entry: dict[str, object]
    columns: tuple[str, ...]
    time_s: FloatArray
    values: Sequence[FloatArray]


def write_exam(exam: VirtualExam, folder: Path, *, started_at: datetime, code: str, with_emg: bool = True) -> Path:
    """Write a simulated exam as a recording folder, whole or not at all.

    Parameters
    ----------
    exam
        What is written.
    folder
        The folder, which must not be there yet.
    started_at
        Time of the exam, with its zone.
    code
        Code of the subject.
    with_emg
        Whether the EMG stream, the largest of all, is written.

    Returns
    -------
    pathlib.Path
        `folder`.

    Raises
    ------
    RecordError
        If the folder is there already, the time has no zone, or the disk refuses.
    """
    if started_at.utcoffset() is None:
        raise RecordError(folder, f"cannot be dated {started_at.isoformat()}: the time needs its zone")
    if folder.exists():
        raise RecordError(folder, "is there already; name another folder or remove it")
    streams = [stream for stream in _streams(exam) if with_emg or stream.entry["kind"] != "emg"]
    partial = new_folder(folder.parent)
    try:
        for stream in streams:
            _write_table(partial / str(stream.entry["file"]), stream)
        _write_json(partial / TRUTH, describe_truth(exam))
        _write_json(partial / MANIFEST, _manifest(exam, streams, started_at, code))
        place_folder(partial, folder)
    except OSError as error:
        raise StoreError(folder, refusal(error)) from error
    finally:
        discard(partial)
    return folder


def _streams(exam: VirtualExam) -> list[_Stream]:
    """List the exam's streams as the contract names them."""
    return [
        _imu("proximal", exam.imu_proximal),
        _imu("distal", exam.imu_distal),
        _Stream(
            entry={"kind": "force", "file": "force.csv", "lever_m": round(exam.force.lever_m, _DECIMALS)},
            columns=("force_N",),
            time_s=exam.force.time_s,
            values=[exam.force.force_N],
        ),
        _Stream(
            entry={"kind": "emg", "file": "emg.csv", "muscle": exam.emg.muscle},
            columns=("emg_V",),
            time_s=exam.emg.time_s,
            values=[exam.emg.emg_V],
        ),
    ]


def _imu(segment: str, imu: VirtualImu) -> _Stream:
    return _Stream(
        entry={"kind": "imu", "file": f"imu_{segment}.csv", "segment": segment},
        columns=_IMU_COLUMNS,
        time_s=imu.time_s,
        values=[*imu.acc_m_s2.T, *imu.gyr_rad_s.T],
    )


def _write_table(path: Path, stream: _Stream) -> None:
    formats = [_TIME_FORMAT, *([_VALUE_FORMAT] * len(stream.columns))]
    table = np.column_stack([stream.time_s, *stream.values])
    header = ",".join(("time_s", *stream.columns))
    np.savetxt(path, table, fmt=formats, delimiter=",", header=header, comments="")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _manifest(exam: VirtualExam, streams: Sequence[_Stream], started_at: datetime, code: str) -> dict[str, Any]:
    described = describe_exam(exam, started_at=started_at, code=code)
    return {"format": FORMAT, "version": VERSION, **described, "streams": [stream.entry for stream in streams]}


def describe_exam(exam: VirtualExam, *, started_at: datetime, code: str, delay_s: float = 0.0) -> dict[str, Any]:
    """Return what ``recording.json`` says of a simulated exam beside its streams.

    Parameters
    ----------
    exam
        The exam.
    started_at
        Its date, with its zone.
    code
        Code of the subject.
    delay_s
        How long after the recording's start the exam begins.
    """
    subject, pose = exam.patient.subject, exam.reference_pose
    known = {"sex": subject.sex, "body_mass_kg": subject.body_mass_kg, "height_m": subject.height_m}
    return {
        "simulated": True,
        "muscle_group": exam.patient.muscle_group,
        "side": exam.side,
        "test": "passive_stretch",
        "started_at": started_at.isoformat(),
        "subject": {"code": code, **{name: value for name, value in known.items() if value is not None}},
        "reference_pose": {
            "time_s": round(pose.time_s + delay_s, _DECIMALS),
            "angle_deg": round(pose.angle_deg, _DECIMALS),
        },
    }


def describe_truth(exam: VirtualExam, *, delay_s: float = 0.0) -> dict[str, Any]:
    """Put the truth into words that JSON knows; the names are those of `analysis.simulate.ExamTruth`.

    Parameters
    ----------
    exam
        The exam.
    delay_s
        How long after the recording's start the exam begins.
    """
    truth: ExamTruth = exam.truth
    stretches = tuple(
        replace(
            one,
            start_s=one.start_s + delay_s,
            end_s=one.end_s + delay_s,
            catch_time_s=None if one.catch_time_s is None else one.catch_time_s + delay_s,
        )
        for one in truth.stretches
    )
    patient = exam.patient
    told = _rounded(asdict(replace(truth, stretches=stretches)))
    told["mas"] = told.pop("grade")
    told["patient"] = {"law": patient.law, "drawn_from": patient.drawn_from, "has_clonus": patient.clonus is not None}
    return {"simulated": True, **told}


def _rounded(value: Any) -> Any:  # noqa: ANN401 - whatever the truth holds
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_rounded(one) for one in value]
    return value
