"""The store under faults: full disks, other programs, other versions, death at any moment."""

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analysis.finding import Assessment
from analysis.model import Subject
from records import copying, durable
from records import store as store_module
from records.database import NEWEST
from records.errors import NewerVersionError, StoreError
from records.folder import read_folder
from records.migration import known_versions, newest_version
from records.rows import Phase
from records.store import DATABASE_NAME, Store

Planted = Callable[..., Assessment]
MORNING = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)
IMPORT = """
    import sys
    from datetime import UTC, datetime
    from pathlib import Path
    from analysis.errors import CatchangleError
    from analysis.model import Subject
    from records.folder import read_folder
    from records.rows import Phase
    from records.store import Store

    def run(home, folder):
        with Store.open(Path(home)) as store:
            store.save_patient(Subject(code="P001"))
            session = store.add_session("P001", Phase.BASELINE, datetime(2026, 1, 31, 10, tzinfo=UTC))
            print(store.import_recording(session.id, read_folder(Path(folder))).id)
"""


def python(body: str, *arguments: object) -> subprocess.Popen[str]:
    code = textwrap.dedent(IMPORT) + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def session_id(store: Store) -> str:
    store.save_patient(Subject(code="P001"))
    return store.add_session("P001", Phase.BASELINE, MORNING).id


def assert_whole(home: Path) -> int:
    """Assert that every row has its folder, every folder its row and nothing is half-written; return the rows."""
    with closing(sqlite3.connect(home / DATABASE_NAME)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        recordings = {row[0] for row in database.execute("SELECT id FROM recordings")}
        assessments = {row[0] for row in database.execute("SELECT id FROM assessments")}
    for part, ids in (("recordings", recordings), ("assessments", assessments)):
        there = {path.name for path in (home / part).glob("*")}
        assert there == ids
    for recording in recordings:
        read_folder(home / "recordings" / recording)
    return len(recordings)


def test_the_database_survives_power_failures_by_its_settings(store: Store) -> None:
    session_id(store)
    with store._database.reading() as reading:
        settings = {
            name: next(iter(reading.rows(f"PRAGMA {name}")[0].values()))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_a_row_without_its_parent_is_refused_by_the_database(store: Store) -> None:
    with pytest.raises(StoreError), store._database.writing() as writing:
        writing.insert(
            "sessions",
            {"id": "1", "patient_code": "nobody", "phase": "other", "started_at": "x", "started_utc": "x"},
        )


class Dead(Exception):  # noqa: N818 (no error, but the moment at which a program dies)
    """Raised where the program is to die."""


def die(*_arguments: object, **_options: object) -> None:
    raise Dead


@pytest.mark.parametrize("where", ["copy_recording", "place_folder", "new_folder"])
@pytest.mark.parametrize("cause", [Dead(), OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_import_that_dies_leaves_nothing(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, where: str, cause: BaseException
) -> None:
    session = session_id(store)

    def fail(*_arguments: object) -> None:
        raise cause

    with monkeypatch.context() as broken:
        broken.setattr(store_module, where, fail)
        with pytest.raises((StoreError, OSError, Dead, KeyboardInterrupt)):
            store.import_recording(session, read_folder(folder))
    assert assert_whole(store.home) == 0
    store.import_recording(session, read_folder(folder))
    assert assert_whole(store.home) == 1


@pytest.mark.parametrize("what", ["copyfile", "rename", "fsync"])
def test_a_disk_that_refuses_is_said_in_one_line(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    session = session_id(store)

    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    owner = {"copyfile": copying.shutil, "rename": Path, "fsync": durable.os}[what]
    with monkeypatch.context() as broken:
        broken.setattr(owner, what, full)
        with pytest.raises(StoreError, match=r"No space left on device.*free space") as error:
            store.import_recording(session, read_folder(folder))
    assert "\n" not in str(error.value)
    assert assert_whole(store.home) == 0


def test_a_death_between_rename_and_commit_leaves_no_row_and_no_folder(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_id(store)
    place = durable.place_folder

    def place_then_die(partial: Path, path: Path) -> None:
        place(partial, path)
        raise Dead

    with monkeypatch.context() as broken:
        broken.setattr(store_module, "place_folder", place_then_die)
        with pytest.raises(Dead):
            store.import_recording(session, read_folder(folder))
    assert assert_whole(store.home) == 0


def test_an_assessment_that_dies_leaves_the_old_one(
    store: Store, folder: Path, planted_assessment: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = store.import_recording(session_id(store), read_folder(folder))
    first = store.save_assessment(recording.id, planted_assessment(), version="1")
    for where in ("write_series", "place_folder"):
        with monkeypatch.context() as broken:
            broken.setattr(store_module, where, die)
            with pytest.raises(Dead):
                store.save_assessment(recording.id, planted_assessment(), version="2")
    assert store.assessments(recording.id) == (first,)
    assert_whole(store.home)


@pytest.mark.parametrize("limit_bytes", [0, 4096, 20_000, 60_000, 90_000, 100_000, 130_000])
def test_a_disk_that_fills_up_at_any_point_leaves_a_whole_store(folder: Path, tmp_path: Path, limit_bytes: int) -> None:
    """Files that may not grow beyond a limit stand for a disk that fills up while copying or while committing."""
    resource = pytest.importorskip("resource", reason="this system cannot limit the size of files")
    with (folder / "angle.csv").open("a", encoding="utf-8") as table:
        table.writelines(f"{10 + place * 0.001:.3f},20\n" for place in range(5000))
    refused: StoreError | None = None
    with Store.open(tmp_path / "home") as store:
        session, source = session_id(store), read_folder(folder)
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
        try:
            store.import_recording(session, source)
        except StoreError as error:
            refused = error
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    if refused is not None:
        assert str(tmp_path / "home") in str(refused)
        assert "\n" not in str(refused)
    assert assert_whole(tmp_path / "home") == (1 if refused is None else 0)


def test_a_full_disk_is_said_and_leaves_a_whole_store(folder: Path, tmp_path: Path) -> None:
    """A real file system of 1 MB that fills up; needs the right to mount one."""
    unshare, mount = shutil.which("unshare"), shutil.which("mount")
    if not unshare or not mount:
        pytest.skip("no tools to mount a small file system")
    home = tmp_path / "small"
    home.mkdir()
    with (folder / "angle.csv").open("a", encoding="utf-8") as table:
        table.writelines(f"{10 + place * 0.001:.3f},20\n" for place in range(100_000))
    body = """
    import shutil
    try:
        run(*sys.argv[1:3])
    except CatchangleError as error:
        shutil.copytree(sys.argv[1], sys.argv[3])
        sys.exit(str(error))
    """
    code = textwrap.dedent(IMPORT) + textwrap.dedent(body)
    script = 'mount -t tmpfs -o size=1m tmpfs "$1" || exit 77; shift; exec "$@"'
    done = subprocess.run(
        [unshare, "-m", "sh", "-c", script, "sh", home, sys.executable, "-c", code, home, folder, tmp_path / "after"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no right to mount a small file system")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert assert_whole(tmp_path / "after") == 0


def test_two_programs_import_at_once(folder: Path, tmp_path: Path) -> None:
    """Two programs open a new store and import the same exam: one recording, and both are told its id."""
    running = [python("run(*sys.argv[1:3])", tmp_path / "home", folder) for _ in range(2)]
    results = [(one.communicate(timeout=120), one.returncode) for one in running]
    assert [code for _, code in results] == [0, 0], results
    assert len({out for (out, _), _ in results}) == 1
    assert assert_whole(tmp_path / "home") == 1


def test_a_program_that_is_killed_loses_nothing_that_was_acknowledged(folder: Path, tmp_path: Path) -> None:
    body = """
    run(*sys.argv[1:3])
    with Store.open(Path(sys.argv[1])) as store:
        store.save_patient(Subject(code="P002"))
        print("saved", flush=True)
        import time
        with store._database.writing() as writing:
            writing.update("UPDATE patients SET height_m = 1.5")
            print("writing", flush=True)
            time.sleep(60)
    """
    with python(body, tmp_path / "home", folder) as program:
        assert program.stdout is not None
        while program.stdout.readline().strip() != "writing":
            assert program.poll() is None
        program.kill()
        program.wait()
    assert assert_whole(tmp_path / "home") == 1
    with Store.open(tmp_path / "home") as store:
        assert [(one.code, one.height_m) for one in store.patients()] == [("P001", None), ("P002", None)]


def test_readers_see_a_consistent_state_while_another_writes(store: Store) -> None:
    store.save_patient(Subject(code="P001"))
    with Store.open(store.home) as other, other._database.writing() as writing:
        writing.update("UPDATE patients SET height_m = 1.5")
        assert store.patient("P001").height_m is None
    assert store.patient("P001").height_m == 1.5


def test_a_database_of_a_newer_version_is_left_alone(store: Store) -> None:
    session_id(store)
    store.close()
    path = store.home / DATABASE_NAME
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(NewerVersionError) as error:
        Store.open(store.home)
    assert error.value.found_version == "9999"
    assert "update this one" in str(error.value)
    assert "\n" not in str(error.value)
    assert path.read_bytes() == before


def test_a_store_is_opened_again_without_migrating(store: Store) -> None:
    session_id(store)
    before = (store.home / DATABASE_NAME).read_bytes()
    with Store.open(store.home) as again:
        assert len(again.patients()) == 1
    assert (store.home / DATABASE_NAME).read_bytes() == before


@pytest.mark.parametrize("content", [b"junk" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(content)
    with pytest.raises(StoreError) as error:
        Store.open(tmp_path)
    assert str(tmp_path / DATABASE_NAME) in str(error.value)
    assert "\n" not in str(error.value)
    assert (tmp_path / DATABASE_NAME).read_bytes() == content


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database, database:
        database.execute("CREATE TABLE theirs (a)")
    with pytest.raises(StoreError, match="another program"):
        Store.open(tmp_path)


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be written"):
        Store.open(tmp_path / "file" / "home")
    (tmp_path / "home" / DATABASE_NAME).mkdir(parents=True)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(tmp_path / "home")


def test_a_read_only_database_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(tmp_path) as store:
        session_id(store)
        connect = sqlite3.connect

        def read_only(path: str, **options: object) -> sqlite3.Connection:
            return connect(f"file:{path}?mode=ro", uri=True, **options)  # type: ignore[call-overload, no-any-return]

        monkeypatch.setattr(store._database._engine.dialect.dbapi, "connect", read_only)
        with pytest.raises(StoreError, match="cannot be written; choose another one"):
            store.save_patient(Subject(code="P002"))
        assert [one.code for one in store.patients()] == ["P001"]


def test_what_a_dead_program_left_is_removed_after_a_day(store: Store) -> None:
    old, young = (store.home / "recordings" / f".partial-{name}" for name in ("old", "young"))
    for partial in (old, young):
        partial.mkdir(parents=True)
        (partial / "00_video.mp4").write_bytes(b"half")
    two_days_ago = time.time() - 2 * 86400
    os.utime(old, (two_days_ago, two_days_ago))
    Store.open(store.home).close()
    assert [path.name for path in (store.home / "recordings").iterdir()] == [young.name]


def test_a_new_store_may_be_opened_by_many_at_once(folder: Path, tmp_path: Path) -> None:
    def import_it(_number: int) -> str:
        with Store.open(tmp_path / "home") as opened:
            return opened.import_recording(session_id(opened), read_folder(folder)).id

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(import_it, range(8)))
    assert len(ids) == 1
    assert assert_whole(tmp_path / "home") == 1


def test_the_program_works_with_the_last_migration() -> None:
    assert newest_version() == NEWEST
    assert NEWEST in known_versions()


def test_a_writer_waits_for_another_one(store: Store) -> None:
    store.save_patient(Subject(code="P001"))
    holds, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with Store.open(store.home) as other, other._database.writing() as writing:
            writing.update("UPDATE patients SET height_m = 1.5")
            holds.set()
            may_go.wait(timeout=30)

    with ThreadPoolExecutor() as pool:
        holding = pool.submit(hold)
        holds.wait(timeout=30)
        waiting = pool.submit(store.save_patient, Subject(code="P001", body_mass_kg=61.0))
        time.sleep(0.2)
        assert not waiting.done()
        may_go.set()
        holding.result(timeout=30)
        assert waiting.result(timeout=30).height_m == 1.5
