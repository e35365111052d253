"""Journals of planted units to recording folders of the contract."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import CatchangleError
from records.errors import RecordError
from records.folder import read_folder
from records.journal import JOURNAL_FILE, MAGIC, JournalHeader, JournalNote, JournalRecord, encode_record
from records.journal_folder import STOPPED_NOTE, VIDEO_NOTE, convert_journal
from records.streams import read_emg, read_force, read_imu
from sensors.driver import Decoder
from sensors.packets import (
    Arrival,
    BatteryLevel,
    Channel,
    ClockQuality,
    LinkEvent,
    LinkEventKind,
    Packet,
    Rejected,
    SampleBlock,
    UnitInfo,
)

START_NS = 7 * 10**14
EXAM = {
    "muscle_group": "elbow_flexors",
    "side": "left",
    "test": "passive_stretch",
    "started_at": "2026-01-31T10:00:00+01:00",
    "subject": {"code": "P001"},
}
ROLES = {"proximal": ("g", "imu_a"), "distal": ("g", "imu_b"), "force": ("f", "force"), "emg": ("e", "emg")}
SETTINGS = {"lever_m": 0.25, "muscle": "biceps"}
UNITS = {
    "g": ((Channel.IMU_A, Channel.IMU_B), 200.0),
    "f": ((Channel.FORCE,), 80.0),
    "e": ((Channel.EMG,), 1000.0),
}
PER_BLOCK = 8


class JsonDecoder:
    """Reads what `arrival` below wrote: kind, number of the block and its true start."""

    def __init__(self, info: UnitInfo) -> None:
        self._info = info

    def feed(self, notification: Arrival) -> list[Packet]:
        said: dict[str, Any] = json.loads(notification.data)
        if "battery" in said:
            return [BatteryLevel(percent=said["battery"])]
        if "bad" in said:
            return [Rejected(reason="?", data=notification.data)]
        rate = self._info.rate_hz
        return [
            SampleBlock(
                channel=channel,
                values=np.full((PER_BLOCK, 6 if channel in {Channel.IMU_A, Channel.IMU_B} else 1), 9.81 / 3**0.5),
                stamp=said["stamp"],
                interval_s=1.0 / rate,
                sequence=said["number"],
                sequence_modulo=2**16,
                flags=frozenset(said.get("flags", ())),
            )
            for channel in self._info.channels
        ]


def info(unit: str) -> UnitInfo:
    channels, rate_hz = UNITS[unit]
    return UnitInfo(
        kind="planted",
        unit_id=unit,
        name=f"Unit {unit}",
        channels=channels,
        rate_hz=rate_hz,
        clock=ClockQuality.ONE_WAY,
    )


def arrival(unit: str, segment: int, at_s: float, **said: object) -> Arrival:
    return Arrival(
        unit_id=unit,
        segment=segment,
        characteristic="c",
        arrival_ns=START_NS + round(at_s * 1e9),
        data=json.dumps(said).encode(),
    )


def stream(
    unit: str, segment: int, from_s: float, to_s: float, *, missing: range = range(0), **said: object
) -> list[Arrival]:
    block_s = PER_BLOCK / UNITS[unit][1]
    found = []
    for number in range(int((to_s - from_s) / block_s)):
        begin_s = from_s + number * block_s
        if number not in missing:
            stamp = round((begin_s + 100.0 * segment) * 1e6)
            found.append(arrival(unit, segment, begin_s + block_s + 0.002, number=number, stamp=stamp, **said))
    return found


def session(**changes: object) -> list[JournalRecord]:
    """Ten seconds of three units; the goniometer is connected anew after six."""
    header = {"started_ns": START_NS, "exam": EXAM, "roles": ROLES, "settings": SETTINGS, **changes}
    streamed = [
        *stream("g", 0, 0.5, 6.0, missing=range(50, 55)),
        *stream("g", 1, 7.0, 10.0),
        *stream("f", 0, 0.5, 10.0),
        *stream("e", 0, 0.5, 10.0),
    ]
    return [
        JournalHeader(**header),  # type: ignore[arg-type]
        *(info(unit) for unit in UNITS),
        *sorted(streamed, key=lambda one: one.arrival_ns),
        LinkEvent(unit_id="g", segment=0, at_ns=START_NS, kind=LinkEventKind.LOST, detail="nothing came for 2.0 s"),
        JournalNote(at_ns=START_NS, name=STOPPED_NOTE, value=1.0),
    ]


def write(folder: Path, records: list[JournalRecord]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / JOURNAL_FILE).write_bytes(MAGIC + b"".join(encode_record(record) for record in records))
    return folder


Convert = Callable[[Path], Any]


def convert(folder: Path, **more: Any) -> Any:  # noqa: ANN401
    decoders: Callable[[UnitInfo], Decoder] = JsonDecoder
    return convert_journal(folder, decoders=decoders, **more)


def test_a_journal_becomes_the_folder_of_the_contract(tmp_path: Path) -> None:
    converted = convert(write(tmp_path / "exam", session()))
    folder = read_folder(tmp_path / "exam")
    streams = {entry.file.name: entry for entry in folder.streams}
    assert set(streams) == {"imu_proximal.parquet", "imu_distal.parquet", "force.parquet", "emg.parquet"}
    distal = read_imu(streams["imu_distal.parquet"]).signal
    assert distal.time_s[0] == pytest.approx(0.5, abs=0.01)
    assert distal.time_s[-1] == pytest.approx(10.0, abs=0.02)
    assert distal.time_s.size == 137 * 8 - 40 + 75 * 8
    assert read_force(streams["force.parquet"]).signal.lever_m == 0.25
    assert read_emg(streams["emg.parquet"]).signal.muscle == "biceps"
    said = json.loads((tmp_path / "exam" / "recording.json").read_text())
    entry = next(one for one in said["streams"] if one["file"] == "imu_distal.parquet")
    assert entry["samples"]["lost"] == 40
    assert (entry["clock"], len(entry["clocks"]), len(entry["segments"])) == ("one-way", 2, 2)
    assert [round(end - start, 1) for start, end in entry["gaps"]] == [0.2, 1.0]
    assert said["journal"]["sha256"] == hashlib.sha256((tmp_path / "exam" / JOURNAL_FILE).read_bytes()).hexdigest()
    assert converted.lost == 80
    assert converted.quality == folder.quality
    assert any("lost 40 of" in sentence for sentence in converted.quality)
    assert any("connected anew 1 time" in sentence for sentence in converted.quality)


def test_a_clean_journal_has_nothing_to_say_but_its_clock(tmp_path: Path) -> None:
    records = [
        r for r in session() if not isinstance(r, LinkEvent) and not (isinstance(r, Arrival) and r.unit_id == "g")
    ]
    records += stream("g", 0, 0.5, 10.0)
    converted = convert(write(tmp_path / "exam", records))
    assert all("times are known" in sentence for sentence in converted.quality)


def test_every_fault_is_said(tmp_path: Path) -> None:
    records = session()
    records[-1:] = [
        arrival("f", 0, 9.9, battery=4.0),
        arrival("f", 0, 9.91, bad="x"),
        LinkEvent(unit_id="g", segment=1, at_ns=START_NS, kind=LinkEventKind.STALLED),
        LinkEvent(unit_id="g", segment=1, at_ns=START_NS, kind=LinkEventKind.OVERFLOW, detail="7 packets were dropped"),
    ]
    quality = " | ".join(convert(write(tmp_path / "exam", records)).quality)
    for words in (
        "battery was at 4 %",
        "cannot be read",
        "fell silent 1 time",
        "7 packets were dropped",
        "being stopped",
    ):
        assert words in quality


def test_the_film_is_put_on_the_same_clock(tmp_path: Path) -> None:
    first_ns = START_NS + 2_500_000_000
    records = [*session(), JournalNote(at_ns=first_ns, name=VIDEO_NOTE, value=float(first_ns))]
    folder = write(tmp_path / "exam", records)
    (folder / "video.mp4").write_bytes(b"film")
    convert(folder, video={"kind": "video", "file": "video.mp4"})
    assert read_folder(folder).streams[0].clock_offset_s == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (session(settings={}), "lever is not known"),
        (session(roles={**ROLES, "force": ("nobody", "force")}), "the force sensor measured nothing"),
        ([r for r in session() if not (isinstance(r, UnitInfo) and r.unit_id == "f")], "its description is lost"),
        ([*session(), *stream("f", 1, 11.0, 12.0, flags=["uncalibrated"])], "no calibration"),
    ],
)
def test_what_cannot_be_a_stream_is_left_in_the_journal_and_said(
    records: list[JournalRecord], words: str, tmp_path: Path
) -> None:
    converted = convert(write(tmp_path / "exam", records))
    assert words in " | ".join(converted.quality)
    assert "force.parquet" not in converted.streams
    assert "imu_distal.parquet" in converted.streams
    read_folder(tmp_path / "exam")


def test_without_a_header_nothing_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="what was examined is not known"):
        convert(write(tmp_path / "exam", session()[1:]))


WHOLE = MAGIC + b"".join(encode_record(record) for record in session())


@settings(max_examples=25)
@given(length=st.integers(0, len(WHOLE)), at=st.integers(0, len(WHOLE) - 1), flip=st.integers(0, 255))
def test_no_damage_raises_anything_but_what_is_meant(
    tmp_path_factory: pytest.TempPathFactory, length: int, at: int, flip: int
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    damaged = bytearray(WHOLE)
    damaged[at] ^= flip
    (folder / JOURNAL_FILE).write_bytes(bytes(damaged[:length]))
    try:
        converted = convert(folder)
    except CatchangleError:
        return
    assert converted.received <= 10_000 * len(UNITS)
