"""Journals that end too early, anywhere, and journals with damage."""

import resource
import signal
import struct
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records.errors import RecordError, StoreError
from records.journal import MAGIC, Journal, JournalHeader, JournalNote, JournalRecord, encode_record, read_journal
from records.journal_writer import JournalParams, JournalWriter
from sensors.packets import Arrival, Channel, ClockQuality, LinkEvent, LinkEventKind, UnitInfo

HEADER = JournalHeader(
    started_ns=5, exam={"side": "left"}, roles={"distal": ("u1", "imu_a")}, settings={"lever_m": 0.25}
)
UNIT = UnitInfo(
    kind="goniometer",
    unit_id="u1",
    name="Gonio 1",
    firmware="1.2",
    battery_percent=88.0,
    channels=(Channel.IMU_A, Channel.FORCE),
    rate_hz=200.0,
    clock=ClockQuality.TWO_WAY,
    details={"gyro_range_dps": 2000.0, "mode": "raw"},
)
EVENT = LinkEvent(unit_id="u1", segment=0, at_ns=7, kind=LinkEventKind.STARTED, detail="ü")
NOTE = JournalNote(at_ns=8, name="video_first_ns", value=12345.0)


def arrival(number: int) -> Arrival:
    return Arrival(
        unit_id="u1",
        segment=number % 3,
        characteristic="ab" * 8,
        arrival_ns=number,
        data=bytes(number % 251) + b"\xc5\xa7",
    )


RECORDS: list[JournalRecord] = [HEADER, UNIT, EVENT, NOTE, *(arrival(i) for i in range(40))]
FRAMES = [encode_record(record) for record in RECORDS]
WHOLE = MAGIC + b"".join(FRAMES)


def read(folder: Path, data: bytes) -> Journal:
    path = folder / "j"
    path.write_bytes(data)
    return read_journal(path)


def everything(journal: Journal) -> list[JournalRecord]:
    return ([journal.header] if journal.header else []) + list(journal.records)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    journal = read(tmp_path, WHOLE)
    assert everything(journal) == RECORDS
    assert (journal.frames, journal.damaged, journal.cut_bytes) == (len(RECORDS), 0, 0)


@settings(max_examples=300)
@given(length=st.integers(0, len(WHOLE)))
def test_any_truncation_keeps_exactly_the_frames_before_it(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    whole, end = 0, len(MAGIC)
    for frame in FRAMES:
        if end + len(frame) > length:
            break
        whole, end = whole + 1, end + len(frame)
    journal = read(tmp_path_factory.getbasetemp(), WHOLE[:length])
    assert everything(journal) == RECORDS[:whole]
    assert journal.cut_bytes == max(0, length - end)
    assert journal.damaged == 0


@settings(max_examples=300)
@given(at=st.integers(0, len(WHOLE) - 1), flip=st.integers(1, 255))
def test_any_damaged_byte_costs_one_frame_at_most(tmp_path_factory: pytest.TempPathFactory, at: int, flip: int) -> None:
    damaged = bytearray(WHOLE)
    damaged[at] ^= flip
    journal = read(tmp_path_factory.getbasetemp(), bytes(damaged))
    end = len(MAGIC)
    hit = None
    for number, frame in enumerate(FRAMES):
        if end <= at < end + len(frame):
            hit = number
        end += len(frame)
    expected = [record for number, record in enumerate(RECORDS) if number != hit]
    assert everything(journal) == expected
    assert journal.damaged + bool(journal.cut_bytes) == (0 if hit is None else 1)


@settings(max_examples=100)
@given(rubbish=st.binary(max_size=300), at=st.integers(0, len(FRAMES)))
def test_rubbish_between_frames_is_passed_over(
    tmp_path_factory: pytest.TempPathFactory, rubbish: bytes, at: int
) -> None:
    data = MAGIC + b"".join(FRAMES[:at]) + rubbish + b"".join(FRAMES[at:])
    assert everything(read(tmp_path_factory.getbasetemp(), data)) == RECORDS


def test_a_frame_of_a_later_program_is_passed_over(tmp_path: Path) -> None:
    payload = b"\x09" + encode_record(EVENT)[11:]
    frame = struct.pack("<2sII", b"\xc5\xa7", len(payload), zlib.crc32(payload, len(payload))) + payload
    assert everything(read(tmp_path, MAGIC + frame + FRAMES[1])) == [UNIT]


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"hello " * 100)
    with pytest.raises(RecordError, match="no journal"):
        read_journal(tmp_path / "j")
    with pytest.raises(RecordError, match="cannot be read"):
        read_journal(tmp_path / "missing")


def test_the_writer_keeps_order_and_repeats_what_is_needed(tmp_path: Path) -> None:
    params = JournalParams(write_s=0.01, repeat_s=0.05)
    with JournalWriter(tmp_path / "j", HEADER, params) as writer:
        writer.put(UNIT)
        for i in range(200):
            writer.put(arrival(i))
            time.sleep(0.001)
    journal = read_journal(tmp_path / "j")
    assert journal.header == HEADER
    assert [record for record in journal.records if isinstance(record, Arrival)] == [arrival(i) for i in range(200)]
    assert sum(isinstance(record, UnitInfo) for record in journal.records) > 1
    assert (writer.fault, writer.dropped) == ("", 0)


def test_a_journal_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"precious")
    with pytest.raises(StoreError, match="cannot be written"):
        JournalWriter(tmp_path / "j", HEADER)
    assert (tmp_path / "j").read_bytes() == b"precious"


def test_what_the_disk_cannot_take_is_counted(tmp_path: Path) -> None:
    with JournalWriter(tmp_path / "j", HEADER, JournalParams(write_s=30.0, queue_records=50)) as writer:
        for i in range(80):
            writer.put(arrival(i))
        assert writer.dropped == 30
    records = read_journal(tmp_path / "j").records
    assert sum(isinstance(record, Arrival) for record in records) == 50
    told = [record for record in records if isinstance(record, LinkEvent)]
    assert {event.kind for event in told} == {LinkEventKind.OVERFLOW}
    assert sum(int(event.detail.split()[0]) for event in told) == 30


CHILD = """
import sys, time
from pathlib import Path
from records.journal import JournalHeader
from records.journal_writer import JournalWriter
from sensors.packets import Arrival
header = JournalHeader(started_ns=0, exam={}, roles={}, settings={})
with JournalWriter(Path(sys.argv[1]), header) as writer:
    for i in range(20_000):
        now_ns = time.perf_counter_ns()
        writer.put(Arrival(unit_id="u", segment=0, characteristic="c", arrival_ns=now_ns, data=b"x" * 200))
        sys.stdout.write(f"{time.perf_counter_ns()}\\n")
        sys.stdout.flush()
        time.sleep(0.005)
"""


def test_a_killed_process_loses_less_than_the_last_second(tmp_path: Path) -> None:
    path = tmp_path / "j"
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as child:
        assert child.stdout is not None
        put = [int(child.stdout.readline()) for _ in range(500)]
        child.send_signal(signal.SIGKILL)
        put += [int(line) for line in child.stdout.read().splitlines() if line]
    journal = read_journal(path)
    kept = [record.arrival_ns for record in journal.records if isinstance(record, Arrival)]
    lost = put[len(kept) :]
    assert len(kept) > 100
    assert kept == sorted(kept)
    assert not lost or lost[-1] - lost[0] < 1e9


def test_a_full_disk_is_said_and_costs_nothing_before_it(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the end of the disk."""
    path = tmp_path / "j"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with JournalWriter(path, HEADER, JournalParams(write_s=0.01)) as writer:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
            for i in range(200):
                writer.put(replace(arrival(i), data=bytes(100)))
                time.sleep(0.001)
            for _ in range(500):
                if writer.fault:
                    break
                time.sleep(0.01)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "free space on the disk" in writer.fault
    assert "kept" in writer.fault
    journal = read_journal(path)
    assert path.stat().st_size <= 4096
    assert journal.frames > 15
    assert [r.arrival_ns for r in journal.records if isinstance(r, Arrival)] == list(range(journal.frames - 1))
