"""A store with hand-made assessments: what the pages show is known because it was put there."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from analysis.finding import (
    GRADES,
    Assessment,
    Catch,
    Grade,
    Resistance,
    ResistanceCurve,
    Stretch,
    StretchFinding,
    Tardieu,
    VelocityClass,
)
from analysis.model import JointAngle, Recording, Sex, Side, Source, Subject, TestKind, Zero
from analysis.muscles import MuscleGroup
from records.folder import RecordingFolder, read_folder
from records.home import HOME_VARIABLE
from records.rows import Phase, RecordingRow
from records.store import Store

RATE_HZ = 100.0
SLOW = (1.0, 4.0)
FAST = (6.0, 6.6)
START_DEG, END_DEG = 120.0, 20.0


def elbow_angle_deg(time_s: np.ndarray) -> np.ndarray:
    """Flexed, slowly extended, flexed again, extended at once."""
    return np.interp(
        time_s, [0.0, *SLOW, 5.5, *FAST, 8.0], [START_DEG, START_DEG, END_DEG, START_DEG, START_DEG, END_DEG, END_DEG]
    )


def write_angle_recording(folder: Path, *, code: str = "P001", simulated: bool = False) -> Path:
    """Write a recording folder of one angle stream."""
    folder.mkdir(parents=True)
    time_s = np.arange(0, 8, 1 / RATE_HZ)
    rows = "".join(f"{t:.4f},{a:.4f}\n" for t, a in zip(time_s, elbow_angle_deg(time_s), strict=True))
    (folder / "angle.csv").write_text("time_s,angle_deg\n" + rows, encoding="utf-8")
    (folder / "recording.json").write_text(
        f"""{{"format": "catchangle-recording", "version": 1, "muscle_group": "elbow_flexors", "side": "left",
        "test": "passive_stretch", "started_at": "2024-01-31T10:00:00+01:00", "simulated": {str(simulated).lower()},
        "subject": {{"code": "{code}", "sex": "female", "body_mass_kg": 61.0, "height_m": 1.68}},
        "streams": [{{"kind": "angle", "file": "angle.csv"}}]}}""",
        encoding="utf-8",
    )
    return folder


def grade_of(label: str, certainty: float = 0.7) -> Grade:
    """Return a grade with that most probable label, the rest shared by its neighbours."""
    place = GRADES.index(label)
    neighbours = [other for other in (place - 1, place + 1) if 0 <= other < len(GRADES)]
    shares = dict.fromkeys(GRADES, 0.0)
    shares[label] = certainty
    for other in neighbours:
        shares[GRADES[other]] = (1 - certainty) / len(neighbours)
    return Grade(probabilities=shares, set90=tuple(grade for grade in GRADES if shares[grade] > 0))


def made_assessment(
    *,
    code: str = "P001",
    catch_deg: float | None = 70.0,
    grade: str | None = "2",
    excess_Nm: float | None = 3.0,
    warnings: tuple[str, ...] = (),
) -> Assessment:
    """Return an assessment of the elbow movement with what was asked for."""
    time_s = np.arange(0, 8, 1 / RATE_HZ)
    angle_deg = elbow_angle_deg(time_s)
    recording = Recording(
        muscle_group=MuscleGroup.ELBOW_FLEXORS,
        side=Side.LEFT,
        test=TestKind.PASSIVE_STRETCH,
        subject=Subject(code=code, sex=Sex.FEMALE, body_mass_kg=61.0, height_m=1.68),
        angle=JointAngle(
            time_s=time_s,
            angle_deg=angle_deg,
            sd_deg=np.full(time_s.size, 1.0),
            source=Source.ANGLE,
            zero=Zero.ANATOMICAL,
            bandwidth_hz=20.0,
        ),
    )
    return Assessment(
        recording=recording,
        stretches=(
            _finding(SLOW, VelocityClass.V1, None, None),
            _finding(FAST, VelocityClass.V3, catch_deg, excess_Nm),
        ),
        curves=(None, None if excess_Nm is None else _curve(excess_Nm)),
        tardieu=Tardieu(
            r1_deg=catch_deg,
            r2_deg=END_DEG,
            spasticity_angle_deg=None if catch_deg is None else catch_deg - END_DEG,
            x=None if catch_deg is None else 2,
        ),
        threshold=None,
        pendulum=None,
        grade=None if grade is None else grade_of(grade),
        warnings=warnings,
    )


def _finding(
    span: tuple[float, float], velocity: VelocityClass, catch_deg: float | None, excess_Nm: float | None
) -> StretchFinding:
    stretch = Stretch(
        start_s=span[0],
        peak_s=sum(span) / 2,
        end_s=span[1],
        start_deg=START_DEG,
        end_deg=END_DEG,
        peak_velocity_deg_s=(START_DEG - END_DEG) / (span[1] - span[0]),
        velocity=velocity,
    )
    catch = None
    if catch_deg is not None:
        share = (START_DEG - catch_deg) / (START_DEG - END_DEG)
        catch = Catch(
            time_s=span[0] + share * (span[1] - span[0]),
            angle_deg=catch_deg,
            stretch_deg=START_DEG - catch_deg,
            angle_interval95_deg=(catch_deg - 3, catch_deg + 3),
            probability=0.95,
            method="hand-made",
        )
    resistance = None
    if excess_Nm is not None:
        resistance = Resistance(
            peak_Nm=excess_Nm + 1,
            peak_excess_Nm=excess_Nm,
            work_J=1.0,
            stiffness_Nm_per_rad=None,
            viscosity_Nms_per_rad=None,
            kind="force",
        )
    return StretchFinding(stretch=stretch, catch=catch, resistance=resistance)


def _curve(excess_Nm: float) -> ResistanceCurve:
    stretch_deg = np.linspace(0, START_DEG - END_DEG, 60)
    healthy = np.linspace(0, 1, 60)
    return ResistanceCurve(stretch_deg=stretch_deg, healthy_Nm=healthy, resistance_Nm=healthy + excess_Nm * healthy**2)


def keep(
    store: Store, folder: RecordingFolder, phase: Phase, started_at: datetime, assessment: Assessment | None
) -> RecordingRow:
    """Put a recording with a hand-made assessment into the store."""
    store.save_patient(folder.subject, simulated=folder.simulated)
    session = store.add_session(folder.subject.code, phase, started_at)
    recording = store.import_recording(session.id, folder)
    if assessment is not None:
        store.save_assessment(recording.id, assessment, version="0.0.0")
    return recording


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name an empty data folder that the pages and commands of this test use."""
    folder = tmp_path / "home"
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    return folder


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """Open an empty store in that folder."""
    with Store.open(home) as opened:
        yield opened


BASELINE = datetime(2024, 1, 31, 9, 0, tzinfo=UTC)


@pytest.fixture
def clinic(store: Store, tmp_path: Path) -> Store:
    """Three real patients before and a year after; their spasticity angle falls by 10, 20 and 30 degrees."""
    for place, fall_deg in enumerate((10.0, 20.0, 30.0), start=1):
        code = f"P{place:03d}"
        for phase, days, catch_deg, grade, excess in (
            (Phase.BASELINE, 0, 80.0, "3", 6.0),
            (Phase.YEAR_1, 365, 80.0 - fall_deg, "1+", 2.0),
        ):
            folder = read_folder(write_angle_recording(tmp_path / f"{code}_{phase.value}", code=code))
            shifted = replace(folder, reference_pose=None, started_at=BASELINE + timedelta(days=days))
            # The same movement again would be the same content, so the visit is written into the data.
            data = shifted.streams[0].file
            data.write_text(data.read_text(encoding="utf-8") + f"{9.0 + days:.1f},20.0\n", encoding="utf-8")
            made = made_assessment(code=code, catch_deg=catch_deg, grade=grade, excess_Nm=excess)
            keep(store, shifted, phase, BASELINE + timedelta(days=days), made)
    return store


@pytest.fixture
def make_assessment() -> Callable[..., Assessment]:
    """Make an assessment with the values that a test plants."""
    return made_assessment


@pytest.fixture
def write_recording() -> Callable[..., Path]:
    """Write a recording folder of one angle stream."""
    return write_angle_recording
