"""One profile, two generated files: neither may be stale, and the layouts are those that were frozen."""

import importlib.util
import struct
from pathlib import Path
from types import ModuleType

import pytest

from sensors.devices import gatt

HARDWARE = Path(__file__).resolve().parents[2] / "hardware"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_gatt", HARDWARE / "generate_gatt.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_constants_are_those_of_the_profile(generator: ModuleType) -> None:
    assert generator.stale(generator.load_profile()) == [], "run python hardware/generate_gatt.py"


def test_the_check_sees_a_changed_profile(generator: ModuleType) -> None:
    profile = generator.load_profile()
    profile["status"]["charging"] = 6
    assert len(generator.stale(profile)) == 2


def test_every_field_of_a_layout_has_a_name_and_a_unit(generator: ModuleType) -> None:
    profile = generator.load_profile()
    for layout in (profile["frame"]["header"], profile["info"], *profile["sync"].values(), profile["cal"]):
        fields = layout["fields"]
        values = struct.unpack(layout["format"], bytes(struct.calcsize(layout["format"])))
        assert sum(field.get("count", 1) for field in fields) == len(values)
        assert all(field["about"] and "unit" in field for field in fields)


def test_the_layouts_have_the_lengths_that_the_radio_was_planned_for() -> None:
    assert (gatt.HEADER_BYTES, gatt.SAMPLE_BYTES_IMU, gatt.PING_BYTES, gatt.PONG_BYTES) == (12, 24, 8, 16)
    full = gatt.HEADER_BYTES + gatt.SAMPLES_MAX * gatt.SAMPLE_BYTES_IMU
    assert full == 204
    assert full <= gatt.MTU_WANTED - gatt.MTU_ATT_OVERHEAD
    assert gatt.MTU_SMALLEST == gatt.MTU_ATT_OVERHEAD + gatt.HEADER_BYTES + gatt.SAMPLE_BYTES_IMU


def test_the_advertisement_holds_the_service_and_the_name() -> None:
    flags, service, name = 3, 2 + 16, 2 + gatt.NAME_MAX_BYTES
    assert len(gatt.NAME_PREFIX) + 2 == gatt.NAME_MAX_BYTES
    assert flags + service + name <= 31
