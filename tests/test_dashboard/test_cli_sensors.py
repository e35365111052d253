"""`catchangle sensors`: found, streamed and assigned, on an emulated set and on a machine without Bluetooth."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from dashboard.cli.application import UNUSABLE, run
from dashboard.cli.sensor_messages import MessageTeller
from dashboard.services import sensing
from sensors.devices import BLUETOOTH_DRIVERS
from sensors.errors import LinkError, NoRadioError
from sensors.roles import RoleMap
from sensors.streaming import FoundUnit, StreamParams, UnitState, UnitStatus

Capture = pytest.CaptureFixture[str]
QUICK = ("--scan", "0.5")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CATCHANGLE_HOME", str(tmp_path))
    return tmp_path


def said(*arguments: str, capsys: Capture) -> dict[str, Any]:
    assert run(["sensors", *arguments, "--json"]) == 0, capsys.readouterr().err
    read = json.loads(capsys.readouterr().out)
    assert isinstance(read, dict)
    return read


def test_without_an_adapter_one_line_says_the_remedy(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoRadio:
        async def scan(self, _seconds: float) -> None:
            raise NoRadioError("no Bluetooth adapter found: plug one in")

    monkeypatch.setattr(sensing, "Radio", NoRadio)
    for command in (["scan"], ["stream", "--seconds", "1"], ["assign", "distal"], ["onboard"]):
        assert run(["sensors", *command]) == UNUSABLE
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err == "catchangle: no Bluetooth adapter found: plug one in\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems reach Bluetooth without D-Bus")
def test_without_d_bus_bleak_itself_is_understood(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/socket")
    assert run(["sensors", "scan", *QUICK]) == UNUSABLE
    printed = capsys.readouterr()
    assert printed.err.startswith("catchangle: ")
    assert printed.err.count("\n") == 1
    assert "Bluetooth" in printed.err


def test_an_emulated_goniometer_is_found_with_all_that_it_says(capsys: Capture) -> None:
    (unit,) = said("scan", "--emulator", "goniometer", *QUICK, capsys=capsys)["units"]
    assert unit["kind"] == "goniometer"
    assert len(unit["unit_id"]) == 12
    assert unit["channels"] == ["imu_a", "imu_b", "force"]
    assert 0 < unit["battery_percent"] <= 100
    assert unit["signal_dbm"] < 0
    assert unit["trouble"] is None


def test_the_table_has_a_line_per_unit(capsys: Capture) -> None:
    assert run(["sensors", "scan", "--emulator", "dot", *QUICK]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("60 Hz") == 1
    head, *lines = printed.out.splitlines()
    assert head.split() == ["type", "name", "identity", "battery", "signal", "channels", "firmware"]
    assert sorted(line.split()[0] for line in lines) == ["dot", "dot", "progressor"]


def test_a_goniometer_streams_without_being_told_its_roles(capsys: Capture) -> None:
    streamed = said("stream", "--emulator", "goniometer", "--seconds", "1.5", *QUICK, capsys=capsys)
    (unit,) = streamed["units"]
    assert unit["state"] == "stopped"
    assert unit["received"]["imu_a"] == unit["received"]["imu_b"] > 100
    assert set(unit["lost"]) == {"imu_a", "imu_b", "force"}
    assert {(role["channel"], role["role"]) for role in streamed["roles"]} == {
        ("imu_a", "proximal"),
        ("imu_b", "distal"),
        ("force", "force"),
    }
    assert [event["kind"] for event in streamed["events"]][:2] == ["connected", "started"]


def test_what_a_dot_cannot_do_is_said_with_what_can_be_done(capsys: Capture) -> None:
    assert run(["sensors", "stream", "--emulator", "dot", "--rate", "100", "--seconds", "1", *QUICK]) == 0
    printed = capsys.readouterr()
    complaints = [line for line in printed.err.splitlines() if line.startswith("catchangle: ")]
    assert len(complaints) == 1  # said once for both, and as soon as it is known: who streams on sees no end
    assert "60 Hz" in complaints[0]
    assert "120 Hz" in complaints[0]
    assert not printed.err.endswith(complaints[0] + "\n")
    # The hand-held force sensor beside them streams all the same.
    assert "stopped" in printed.out
    assert "refused" in printed.out


def test_a_rate_that_no_unit_has_is_refused(capsys: Capture) -> None:
    assert run(["sensors", "stream", "--emulator", "goniometer", "--rate", "150", "--seconds", "1", *QUICK]) == UNUSABLE
    assert capsys.readouterr().err.count("50, 100, 200 Hz") == 1


def test_a_unit_out_of_reach_neither_holds_the_others_up_nor_passes_for_success() -> None:
    found = FoundUnit(kind="progressor", name="Progressor_1", address="AA")

    class Far:
        drivers = BLUETOOTH_DRIVERS

        async def open(self, found: FoundUnit, _listener: object) -> None:
            raise LinkError(f"{found.name}: cannot connect: it is out of range")

        async def find(self, _found: FoundUnit, _seconds: float) -> None:
            await asyncio.sleep(0.05)

    def tell(now: sensing.Streamed) -> bool:
        told.append(now.seconds)
        return now.seconds < 0.3 and len(told) < 100

    told: list[float] = []
    room = sensing.Room(airs=(Far(),), begin=lambda: None)  # type: ignore[arg-type]
    streaming = sensing.stream(
        room, [sensing.Introduced(found=found)], RoleMap(), params=StreamParams(backoff_s=0.05), tell=tell, every_s=0.05
    )
    with pytest.raises(LinkError, match=r"Progressor_1.* out of range"):
        asyncio.run(streaming)
    assert told[-1] >= 0.3


def test_what_is_wrong_with_a_unit_is_said_when_it_begins_and_when_it_comes_back(capsys: Capture) -> None:
    def one(state: UnitState, message: str = "") -> UnitStatus:
        return UnitStatus(unit_id="u", name="U", kind="dot", state=state, message=message)

    teller = MessageTeller()
    for status in (
        one(UnitState.STREAMING),
        one(UnitState.STALLED, "nothing came for 210 ms"),
        one(UnitState.LOST, "U: the connection was lost; connecting again"),
        one(UnitState.SCANNING, "U: the connection was lost; connecting again"),
        one(UnitState.STREAMING),
        one(UnitState.LOST, "U: the connection was lost; connecting again"),
        one(UnitState.STREAMING, "it says: battery low"),
    ):
        teller.tell([status, status])
    assert capsys.readouterr().err.splitlines() == [
        "catchangle: U: the connection was lost; connecting again",
        "catchangle: U: the connection was lost; connecting again",
        "catchangle: U: it says: battery low",
    ]


def test_a_unit_that_is_not_there_is_said_with_those_that_are(capsys: Capture) -> None:
    assert run(["sensors", "stream", "--emulator", "goniometer", "--unit", "nobody", *QUICK]) == UNUSABLE
    assert "no sensor 'nobody' found" in capsys.readouterr().err


def test_the_group_alone_shows_its_help_with_an_example(capsys: Capture) -> None:
    assert run(["sensors"]) == 0
    printed = capsys.readouterr()
    assert "Example: catchangle sensors scan" in printed.out
    assert printed.err == ""


def test_an_unknown_set_is_refused(capsys: Capture) -> None:
    assert run(["sensors", "scan", "--emulator", "toaster"]) == UNUSABLE
    assert "goniometer" in capsys.readouterr().err


def test_a_role_is_told_by_name_and_remembered(capsys: Capture, home: Path) -> None:
    units = said("scan", "--emulator", "witmotion", *QUICK, capsys=capsys)["units"]
    wanted = next(unit["unit_id"] for unit in units if unit["kind"] == "witmotion")
    told = said("assign", "proximal", "--unit", wanted, "--emulator", "witmotion", *QUICK, capsys=capsys)
    assert told == {"unit_id": wanted, "channel": "imu_a", "role": "proximal"}
    remembered = json.loads((home / "sensor_roles.json").read_text(encoding="utf-8"))["roles"]
    assert remembered == [told]


def test_a_role_that_a_unit_cannot_have_is_refused(capsys: Capture) -> None:
    (unit,) = said("scan", "--emulator", "goniometer", *QUICK, capsys=capsys)["units"]
    arguments = ("--unit", unit["unit_id"], "--emulator", "goniometer", *QUICK)
    assert run(["sensors", "assign", "distal", *arguments]) == UNUSABLE
    assert "--channel" in capsys.readouterr().err
    assert run(["sensors", "assign", "emg", *arguments]) == UNUSABLE
