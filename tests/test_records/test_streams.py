"""Streams that break the contract's units, clock or kind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.model import Source, Zero
from records.errors import RecordError
from records.folder import StreamEntry
from records.manifest import Segment
from records.streams import read_angle, read_emg, read_force, read_imu
from records.tables import read_columns, write_parquet

TableWriter = Callable[[Path, str, np.ndarray], Path]
HEADERS = {
    Source.ANGLE: "time_s,angle_deg",
    Source.FORCE: "time_s,force_N",
    Source.EMG: "time_s,emg_V",
    Source.IMU: "time_s,acc_x_m_s2,acc_y_m_s2,acc_z_m_s2,gyr_x_rad_s,gyr_y_rad_s,gyr_z_rad_s",
}
READERS = {Source.ANGLE: read_angle, Source.FORCE: read_force, Source.EMG: read_emg, Source.IMU: read_imu}


def entry(path: Path, kind: Source, *, clock_offset_s: float = 0.0) -> StreamEntry:
    return StreamEntry(
        kind=kind, file=path, lever_m=0.25, muscle="biceps", segment=Segment.DISTAL, clock_offset_s=clock_offset_s
    )


def values_of(kind: Source, time_s: np.ndarray) -> np.ndarray:
    if kind is Source.IMU:
        rest = np.tile([0.0, 0.0, 9.81, 0.0, 0.0, 0.0], (time_s.size, 1))
        return np.c_[time_s, rest]
    return np.c_[time_s, np.sin(time_s)]


@pytest.mark.parametrize("kind", list(READERS))
@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([0.0, 0.1, 0.1, 0.2], "row 4: 0.1 s comes after 0.1 s"),
        ([0.0, 0.2, 0.1], "row 4: 0.1 s comes after 0.2 s"),
        ([0.0, np.nan, 0.2], "row 3: the time is missing"),
        ([np.nan, np.nan], "column time_s is empty"),
        ([0.0], "at least 2 are needed"),
    ],
)
def test_a_clock_that_does_not_run_is_refused(
    write_table: TableWriter, tmp_path: Path, kind: Source, times: list[float], said: str
) -> None:
    time_s = np.array(times)
    values = values_of(kind, np.nan_to_num(time_s))
    values[:, 0] = time_s
    path = write_table(tmp_path / "stream.csv", HEADERS[kind], values)
    with pytest.raises(RecordError) as error:
        READERS[kind](entry(path, kind))
    assert said in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("kind", list(READERS))
def test_a_stream_without_a_single_value_is_refused(write_table: TableWriter, tmp_path: Path, kind: Source) -> None:
    values = values_of(kind, np.arange(5.0))
    values[:, 1:] = np.nan
    path = write_table(tmp_path / "stream.csv", HEADERS[kind], values)
    with pytest.raises(RecordError, match="fewer than 2"):
        READERS[kind](entry(path, kind))


@pytest.mark.parametrize("kind", list(READERS))
def test_the_clock_offset_is_added(write_table: TableWriter, tmp_path: Path, kind: Source) -> None:
    path = write_table(tmp_path / "stream.csv", HEADERS[kind], values_of(kind, np.arange(5.0)))
    found = READERS[kind](entry(path, kind, clock_offset_s=-0.25))
    assert found.signal.time_s.tolist() == [-0.25, 0.75, 1.75, 2.75, 3.75]


@pytest.mark.parametrize("kind", list(READERS))
def test_parquet_reads_as_csv_does(write_table: TableWriter, tmp_path: Path, kind: Source) -> None:
    values = values_of(kind, np.arange(5.0))
    write_table(tmp_path / "s.csv", HEADERS[kind], values)
    columns = dict(zip(HEADERS[kind].split(","), np.ascontiguousarray(values.T), strict=True))
    write_parquet(tmp_path / "s.parquet", columns)
    for name in HEADERS[kind].split(","):
        from_csv = read_columns(tmp_path / "s.csv", [name])[name]
        np.testing.assert_array_equal(from_csv, read_columns(tmp_path / "s.parquet", [name])[name])
    READERS[kind](entry(tmp_path / "s.parquet", kind))


def test_a_ready_angle_is_anatomical_and_keeps_its_gaps(write_table: TableWriter, tmp_path: Path) -> None:
    path = write_table(
        tmp_path / "a.csv", HEADERS[Source.ANGLE], np.array([[0, 10], [0.01, np.nan], [0.02, 12], [0.03, 13]])
    )
    angle = read_angle(entry(path, Source.ANGLE)).signal
    assert angle.zero is Zero.ANATOMICAL
    assert np.isnan(angle.angle_deg).tolist() == [False, True, False, False]
    assert angle.bandwidth_hz == pytest.approx(50.0)
    assert np.isnan(angle.sd_deg).all()


def test_a_wrapped_angle_is_refused(write_table: TableWriter, tmp_path: Path) -> None:
    path = write_table(tmp_path / "a.csv", HEADERS[Source.ANGLE], np.array([[0, 175], [0.01, 179], [0.02, -178]]))
    with pytest.raises(RecordError, match=r"jumps from 179 to -178 deg at 0\.02 s"):
        read_angle(entry(path, Source.ANGLE))


def test_rows_with_an_empty_cell_are_lost_packets(write_table: TableWriter, tmp_path: Path) -> None:
    values = values_of(Source.IMU, np.arange(10.0))
    values[3, 2] = np.nan
    values[7, 1:] = np.nan
    path = write_table(tmp_path / "imu.csv", HEADERS[Source.IMU], values)
    found = read_imu(entry(path, Source.IMU))
    assert found.warnings == ("the distal IMU lost 2 of 10 packets (imu.csv: rows with empty cells)",)
    assert found.signal.time_s.tolist() == [0, 1, 2, 4, 5, 6, 8, 9]


@pytest.mark.parametrize(
    ("columns", "factor", "said"),
    [(slice(1, 4), 1 / 9.81, "m/s2"), (slice(1, 4), 0.0, "gravity included"), (slice(1, 4), 100.0, "m/s2")],
)
def test_an_accelerometer_in_other_units_is_refused(
    write_table: TableWriter, tmp_path: Path, columns: slice, factor: float, said: str
) -> None:
    values = values_of(Source.IMU, np.arange(10.0))
    values[:, columns] *= factor
    with pytest.raises(RecordError, match=said):
        read_imu(entry(write_table(tmp_path / "imu.csv", HEADERS[Source.IMU], values), Source.IMU))


def test_a_gyroscope_in_degrees_is_refused_where_it_shows(write_table: TableWriter, tmp_path: Path) -> None:
    values = values_of(Source.IMU, np.arange(10.0))
    values[4, 5] = 300.0
    with pytest.raises(RecordError, match="deg/s to rad/s"):
        read_imu(entry(write_table(tmp_path / "imu.csv", HEADERS[Source.IMU], values), Source.IMU))


def test_force_without_a_moment_transmits_none(write_force: Callable[..., Path], tmp_path: Path) -> None:
    assert not read_force(entry(write_force(tmp_path / "f.csv"), Source.FORCE)).signal.moment_Nm.any()
    with_moment = read_force(entry(write_force(tmp_path / "m.csv", moment=True), Source.FORCE)).signal
    np.testing.assert_allclose(with_moment.moment_Nm, np.cos(with_moment.time_s))
    assert with_moment.lever_m == 0.25


def test_a_moment_that_is_spelled_otherwise_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("time_s,force_N,moment_nm\n0,1,2\n1,1,2\n", encoding="utf-8")
    with pytest.raises(RecordError, match="spell it moment_Nm"):
        read_force(entry(path, Source.FORCE))


@pytest.mark.parametrize("kind", list(READERS))
def test_times_with_too_few_digits_are_spread_and_spoken_of(
    write_table: TableWriter, tmp_path: Path, kind: Source
) -> None:
    true_s = 1000.0 + np.arange(400) * 0.006
    written_s = np.array([float(f"{time_s:.6g}") for time_s in true_s])
    values = values_of(kind, true_s)
    values[:, 0] = written_s
    found = READERS[kind](entry(write_table(tmp_path / "s.csv", HEADERS[kind], values), kind))
    repeated = int((np.diff(written_s) == 0).sum())
    assert repeated > 0
    assert found.warnings == (
        f"s.csv writes its times with too few digits: {repeated} of them repeat and were spread evenly",
    )
    assert np.abs(found.signal.time_s - true_s).max() < 0.011
