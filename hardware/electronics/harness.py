"""The wiring of the cables between the boxes, in WireViz's language."""

from typing import Any

import yaml

from electronics.netlist import Netlist, Part

__all__ = ["render_harness"]

COLOURS = {"3V3": "RD", "GND": "BK", "SDA": "BU", "SCL": "YE"}
"""Of the usual 4-pin JST-SH cables."""


def render_harness(netlist: Netlist) -> str:
    """Return the text of ``harness.yml``: the board, what hangs on a cable, the bridge and the cell."""
    board = netlist.parts[netlist.said["firmware"]["board"]]
    connectors = {board.ref: _connector(board)}
    cables: dict[str, Any] = {}
    connections: list[list[dict[str, list[str] | list[int]]]] = []
    for number, part in enumerate(_cabled(netlist), 1):
        pairs = _pairs(netlist, board, part)
        cable = f"W{number}"
        connectors[part.ref] = _connector(part)
        cables[cable] = {
            "wirecount": len(pairs),
            "length": part.own["cable_m"],
            "gauge": "28 AWG",
            "colors": [COLOURS[net] for net, *_ in pairs],
            "notes": f"{board.box} to {part.box}",
        }
        connections.append(
            [
                {board.ref: [mine for _, mine, _ in pairs]},
                {cable: list(range(1, len(pairs) + 1))},
                {part.ref: [its for *_, its in pairs]},
            ]
        )
    said = {
        "connectors": connectors,
        "cables": cables,
        "connections": connections,
    }
    head = "# Generated from nets.yaml by `python hardware/generate.py`; do not edit.\n"
    return head + yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=120)


def _cabled(netlist: Netlist) -> list[Part]:
    return [part for part in netlist.parts.values() if "cable_m" in part.own]


def _connector(part: Part) -> dict[str, Any]:
    return {
        "type": part.kind["name"],
        "subtype": f"{part.box} box",
        "pinlabels": [*part.supply, *part.pins],
    }


def _pairs(netlist: Netlist, board: Part, part: Part) -> list[tuple[str, str, str]]:
    """Net, the board's pin and the part's pin for each wire of its cable; an address pin is strapped in its box."""
    pairs = []
    for net in COLOURS:
        mine = [pin for ref, pin in netlist.nets[net] if ref == board.ref]
        its = [pin for ref, pin in netlist.nets[net] if ref == part.ref and pin != "AD0"]
        if mine and its:
            pairs.append((net, mine[0], its[0]))
    return pairs
