"""The netlist holds its rules, each planted fault is named, and nothing that is generated from it is stale."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import generate
from electronics.bill import total_eur
from electronics.netlist import Netlist, read_netlist
from electronics.rules import addresses, broken_rules, bus_rise_ns

NETS = Path(__file__).resolve().parents[2] / "hardware" / "electronics" / "nets.yaml"


@pytest.fixture
def said() -> dict[str, Any]:
    loaded = yaml.safe_load(NETS.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture
def check(tmp_path: Path) -> Callable[[dict[str, Any]], list[str]]:
    def run(changed: dict[str, Any]) -> list[str]:
        path = tmp_path / "nets.yaml"
        path.write_text(yaml.safe_dump(changed), encoding="utf-8")
        return broken_rules(read_netlist(path))

    return run


@pytest.fixture
def netlist() -> Netlist:
    return read_netlist(NETS)


def test_the_netlist_breaks_no_rule(netlist: Netlist) -> None:
    assert broken_rules(netlist) == []


def test_no_generated_file_is_stale() -> None:
    assert generate.stale_files() == [], "run python hardware/generate.py"


def test_the_sensors_answer_at_the_addresses_of_their_datasheets(netlist: Netlist) -> None:
    # LSM6DSO: 110101x by SA0 (datasheet DS12140, 5.1.1); NAU7802: 0101010 (datasheet, 7.2)
    assert addresses(netlist) == {"U2": 0b1101011, "U3": 0b1101010, "U4": 0b0101010}


def test_the_bus_rises_as_an_rc_circuit_does(netlist: Netlist) -> None:
    # 10k || 10k || 10k || 2.2k, 15 pF + 3 x 10 pF + 1.5 m x 70 pF/m
    ohm = 1 / (3 / 10_000 + 1 / 2_200)
    assert bus_rise_ns(netlist, "scl") == pytest.approx(0.8473 * ohm * 150e-12 * 1e9)


def test_the_bill_adds_up(netlist: Netlist) -> None:
    rows = generate.render_csv(netlist).splitlines()[1:]
    assert f"**{total_eur(netlist):.2f}**" in generate.render_markdown(netlist)
    assert len(rows) == len(netlist.said["bill"]) + len(netlist.said["extras"])


def _same_address(said: dict[str, Any]) -> None:
    said["nets"]["GND"]["pins"].remove("U3.AD0")
    said["nets"]["ADDRESS_A"]["pins"].append("U3.AD0")


def _no_pull_up(said: dict[str, Any]) -> None:
    for line in ("SDA", "SCL"):
        said["nets"][line]["pins"] = [pin for pin in said["nets"][line]["pins"] if not pin.startswith("R")]


def _long_cable(said: dict[str, Any]) -> None:
    said["parts"]["U4"]["cable_m"] = 4.0


def _wrong_pin(said: dict[str, Any]) -> None:
    pins = said["nets"]["SDA"]["pins"]
    pins[pins.index("U1.D4")] = "U1.D6"


def _too_many_volts(said: dict[str, Any]) -> None:
    said["nets"]["BATTERY_SENSE"]["pins"].remove("U1.D2")
    said["nets"]["BATTERY"]["pins"].append("U1.D2")


def _wrong_divider(said: dict[str, Any]) -> None:
    said["parts"]["R2"]["ohm"] = 100_000


def _bypassed_fuse(said: dict[str, Any]) -> None:
    said["nets"]["CELL"]["pins"] = ["BT1.B+", "SW1.1"]
    said["nets"]["FUSED"]["pins"] = ["F1.1", "F1.2"]


def _loose_pin(said: dict[str, Any]) -> None:
    said["nets"]["SCL"]["pins"].remove("U3.SCL")


def _pin_twice(said: dict[str, Any]) -> None:
    said["nets"]["GND"]["pins"].append("U2.SCL")


def _unknown_pin(said: dict[str, Any]) -> None:
    said["nets"]["GND"]["pins"].append("U2.INT1")


def _strap_low(said: dict[str, Any]) -> None:
    said["nets"]["GND"]["pins"].append("U1.D9")


def _no_source(said: dict[str, Any]) -> None:
    said["nets"]["3V3"]["pins"].remove("U1.3V3")
    said["nets"]["USB_5V"]["pins"].append("U1.3V3")


def _strong_pull_up(said: dict[str, Any]) -> None:
    said["parts"]["R5"]["ohm"] = 680


def _not_bought(said: dict[str, Any]) -> None:
    said["bill"][-1]["refs"] = ["D2"]


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (_same_address, "I2C address 0x6B is answered by U2, U3"),
        (_no_pull_up, "rises in"),
        (_long_cable, "rises in"),
        (_wrong_pin, "U1.D6: cannot be sda"),
        (_too_many_volts, "U1.D2, which bears 3.3 V"),
        (_wrong_divider, "net BATTERY_SENSE: the divider gives 1.40 V"),
        (_bypassed_fuse, "BT1.B+: must lead to a fuse"),
        (_loose_pin, "U3.SCL: is connected to nothing"),
        (_pin_twice, "U2.SCL: stands in 2 nets"),
        (_unknown_pin, "has no such pin"),
        (_strap_low, "U1.D9: is held low at reset"),
        (_no_source, "from 0 outputs"),
        (_strong_pull_up, "SDA: pull-ups of"),
        (_not_bought, "D2: is in the bill and nowhere else"),
    ],
)
def test_a_planted_fault_is_named(
    said: dict[str, Any],
    check: Callable[[dict[str, Any]], list[str]],
    fault: Callable[[dict[str, Any]], None],
    named: str,
) -> None:
    changed = copy.deepcopy(said)
    fault(changed)
    assert any(named in sentence for sentence in check(changed)), check(changed)
