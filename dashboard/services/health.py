"""What ``catchangle doctor`` looks at: versions, package clashes, models, database, disk, cameras, privacy."""

import hashlib
import platform
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from importlib.resources import files
from pathlib import Path

from dashboard.services.privacy import PRIVACY

__all__ = ["Check", "HealthParams", "Verdict", "check_health"]


class Verdict(StrEnum):
    """Outcome of one check: in order, worth knowing, or broken."""

    OK = "ok"
    NOTE = "note"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at; `advice` says what to do where it is not in order."""

    name: str
    verdict: Verdict
    detail: str
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthParams:
    """What counts as in order.

    Attributes
    ----------
    packages
        Distributions whose versions are named.
    quiet_mediapipe
        First mediapipe release that looks up a metrics host when a landmarker is made (found by trying them).
    disk_free_bytes
        Free space below which a session of videos may not fit (chosen by us: 2 GB).
    """

    packages: tuple[str, ...] = (
        "catchangle", "mediapipe", "opencv-contrib-python", "numpy", "scipy", "av", "SQLAlchemy", "alembic",
        "streamlit", "pyarrow", "vqf", "typer", "rich",
    )  # fmt: skip
    quiet_mediapipe: tuple[int, ...] = (0, 10, 35)
    disk_free_bytes: int = 2_000_000_000


def check_health(home: Path, params: HealthParams = HealthParams()) -> tuple[Check, ...]:
    """Look at the installation and at the data folder `home`; nothing is written."""
    looks: tuple[Callable[[], Iterable[Check]], ...] = (
        lambda: [_python()],
        lambda: [_packages(params)],
        lambda: [_one_cv2()],
        lambda: [_quiet_mediapipe(params)],
        _models,
        lambda: _database(home),
        lambda: [_disk(home, params)],
        lambda: [_cameras()],
        lambda: [_privacy()],
    )
    return tuple(check for look in looks for check in look())


def _python() -> Check:
    return Check(
        name="python", verdict=Verdict.OK, detail=f"{platform.python_version()} on {platform.platform(terse=True)}"
    )


def _packages(params: HealthParams) -> Check:
    found: list[str] = []
    missing: list[str] = []
    for name in params.packages:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check(
            name="packages",
            verdict=Verdict.BROKEN,
            detail=f"missing: {', '.join(missing)}",
            advice="reinstall catchangle: pip install --force-reinstall catchangle",
        )
    return Check(name="packages", verdict=Verdict.OK, detail=", ".join(found))


def _one_cv2() -> Check:
    """Several distributions own the same cv2 folder: whichever is removed breaks the others."""
    owners = sorted(set(metadata.packages_distributions().get("cv2", [])))
    if len(owners) > 1:
        return Check(
            name="cv2",
            verdict=Verdict.BROKEN,
            detail=f"provided by {' and '.join(owners)}, which overwrite each other's files",
            advice=f"pip uninstall -y {' '.join(owners)}, then pip install --force-reinstall opencv-contrib-python",
        )
    if not owners:
        return Check(
            name="cv2", verdict=Verdict.BROKEN, detail="not installed", advice="pip install opencv-contrib-python"
        )
    return Check(name="cv2", verdict=Verdict.OK, detail=f"provided by {owners[0]} alone")


def _quiet_mediapipe(params: HealthParams) -> Check:
    try:
        found = metadata.version("mediapipe")
    except metadata.PackageNotFoundError:
        return Check(
            name="mediapipe", verdict=Verdict.BROKEN, detail="not installed", advice="pip install mediapipe==0.10.33"
        )
    number = tuple(int(part) for part in found.split(".") if part.isdigit())
    if number >= params.quiet_mediapipe:
        return Check(
            name="mediapipe",
            verdict=Verdict.BROKEN,
            detail=f"{found} reports its use to a host of its maker",
            advice="pip install mediapipe==0.10.33",
        )
    return Check(name="mediapipe", verdict=Verdict.OK, detail=f"{found} sends nothing")


def _models() -> Iterable[Check]:
    folder = files("capture").joinpath("models")
    listed = folder.joinpath("SHA256SUMS")
    if not listed.is_file():
        yield Check(
            name="pose models",
            verdict=Verdict.BROKEN,
            detail="the list of checksums is missing",
            advice="reinstall catchangle: pip install --force-reinstall catchangle",
        )
        return
    for line in listed.read_text(encoding="ascii").splitlines():
        expected, _, name = line.partition(" ")
        model = folder.joinpath(Path(name.strip().lstrip("*")).name)
        yield _model(model.name, expected, model.read_bytes() if model.is_file() else None)


def _model(name: str, expected: str, content: bytes | None) -> Check:
    if content is None:
        return Check(
            name=f"pose model {name}",
            verdict=Verdict.BROKEN,
            detail="it is not where it was installed",
            advice="reinstall catchangle: pip install --force-reinstall catchangle",
        )
    if hashlib.sha256(content).hexdigest() != expected:
        return Check(
            name=f"pose model {name}",
            verdict=Verdict.BROKEN,
            detail="its content is not what was shipped (SHA-256 differs)",
            advice="reinstall catchangle: pip install --force-reinstall catchangle",
        )
    return Check(name=f"pose model {name}", verdict=Verdict.OK, detail="SHA-256 as shipped")


def _database(home: Path) -> Iterable[Check]:
    from records.store import DATABASE_NAME  # noqa: PLC0415 (no other check needs the database)

    path = home / DATABASE_NAME
    if not path.is_file():
        yield Check(
            name="database",
            verdict=Verdict.NOTE,
            detail=f"none yet in {home}",
            advice="it is made by `catchangle demo`, `catchangle serve` or `catchangle analyze --store`",
        )
        return
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
            sound = connection.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        yield Check(
            name="database", verdict=Verdict.BROKEN, detail=f"{path}: {error}", advice="restore it from a backup"
        )
        return
    if sound != "ok":
        yield Check(
            name="database", verdict=Verdict.BROKEN, detail=f"{path}: {sound}", advice="restore it from a backup"
        )
        return
    yield Check(
        name="database",
        verdict=Verdict.OK if journal == "wal" else Verdict.NOTE,
        detail=f"{path}, journal_mode={journal}, SQLite {sqlite3.sqlite_version}, content sound",
        advice="" if journal == "wal" else "journal_mode should be wal: open it once with `catchangle serve`",
    )


def _disk(home: Path, params: HealthParams) -> Check:
    standing = next(folder for folder in (home, *home.resolve().parents) if folder.is_dir())
    free = shutil.disk_usage(standing).free
    little = free < params.disk_free_bytes
    return Check(
        name="disk",
        verdict=Verdict.NOTE if little else Verdict.OK,
        detail=f"{free / 1e9:.1f} GB free at {standing}",
        advice=f"less than {params.disk_free_bytes / 1e9:.0f} GB: make room before recording video" if little else "",
    )


def _cameras() -> Check:
    if not sys.platform.startswith("linux"):
        return Check(name="cameras", verdict=Verdict.NOTE, detail="not looked for on this system")
    devices = sorted(device.name for device in Path("/dev").glob("video*"))
    return Check(
        name="cameras",
        verdict=Verdict.OK if devices else Verdict.NOTE,
        detail=", ".join(devices) if devices else "none found; video files can be analysed without one",
    )


def _privacy() -> Check:
    off = PRIVACY["browser.gatherUsageStats"] is False
    return Check(
        name="usage statistics",
        verdict=Verdict.OK if off else Verdict.BROKEN,
        detail="Streamlit's are switched off whenever catchangle starts the dashboard",
    )
