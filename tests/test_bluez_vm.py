"""The real kernel Bluetooth with BlueZ and D-Bus: our radio with bleak's own backend, in a virtual machine."""

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = "qemu-system-x86 linux-image-amd64 bluez busybox-static kmod cpio dbus"


def machine() -> ModuleType:
    spec = importlib.util.spec_from_file_location("machine", ROOT / "tests" / "bluez_vm" / "machine.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.bluez
def test_goniometers_stream_through_the_kernel_and_bluez() -> None:
    virtual = machine()
    if virtual.missing():
        pytest.skip(f"missing here: {virtual.missing()} (apt-get install {PACKAGES})")
    try:
        said, console = virtual.run_guest(ROOT)
    except subprocess.TimeoutExpired:
        pytest.fail("the virtual machine did not end by itself")
    assert said, console[-4000:]
    told = json.loads(said)
    assert "error" not in told, f"{told} {console[-4000:]}"
    assert set(told["units"]) == set(told["sent"])
    assert len(told["units"]) == 2
    for unit_id, unit in told["units"].items():
        assert unit["received"] > 0
        assert unit["received"] + unit["lost"] == told["sent"][unit_id]
        assert unit["connections"] == 1
        assert unit["battery"] == 90.0
