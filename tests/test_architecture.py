"""The map in CONTRIBUTING.md, held by tests where import-linter cannot see it."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("analysis", "capture", "sensors", "records", "dashboard")
# Third parties that talk to the world: files, devices, databases. One module of ours knows each.
WORLDLY = ("alembic", "av", "bleak", "cv2", "mediapipe", "platformdirs", "pyarrow", "pylsl", "sqlalchemy", "typst")


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imported_roots(path: Path) -> set[str]:
    roots = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            roots.add(node.module.split(".")[0])
    return roots


def importers() -> dict[str, list[str]]:
    found = defaultdict(list)
    for path in modules():
        for root in imported_roots(path):
            found[root].append(path.relative_to(ROOT).as_posix())
    return found


# The emulator stands in for bleak's own radio: it must derive from bleak's backend classes, and uses nothing else.
STANDS_IN = {"bleak": {"sensors/emulator/backend.py"}}


@pytest.mark.parametrize("third_party", WORLDLY)
def test_one_module_knows_each_third_party(third_party: str) -> None:
    excepted = STANDS_IN.get(third_party, set())
    known_by = [path for path in importers()[third_party] if "migrations" not in path and path not in excepted]
    assert len(known_by) <= 1, f"{third_party} is imported in {known_by}"


def test_only_the_emulator_knows_bumble() -> None:
    assert importers()["bumble"]
    assert all(path.startswith("sensors/emulator/") for path in importers()["bumble"])


def test_streamlit_appears_only_where_people_touch_it() -> None:
    allowed = ("dashboard/pages/", "dashboard/components/", "dashboard/app.py")
    assert all(path.startswith(allowed) for path in importers()["streamlit"])


@pytest.mark.parametrize("folder", ["dashboard", "tests"])
def test_no_file_shadows_a_top_level_package(folder: str) -> None:
    shadows = [path for path in (ROOT / folder).rglob("*.py") if path.stem in PACKAGES]
    assert not shadows


def test_every_package_is_typed_and_says_what_it_is_for() -> None:
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").is_file()
        assert ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8")))


def test_modules_bear_no_name_that_says_nothing() -> None:
    empty_names = {"utils", "helpers", "manager", "common", "misc"}
    assert not [path for path in modules() if path.stem in empty_names]
