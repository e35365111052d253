"""The schematic: every part as a block, every pin with the name of its net."""

import schemdraw
from schemdraw import elements

from electronics.netlist import Netlist, Part

__all__ = ["render_schematic"]

COLUMNS = 3
BLOCK_WIDTH = 4.5
COLUMN_STEP = 14.0
ROW_GAP = 3.0
PIN_SPACING = 0.8
TAG_GAP = 0.1
TAG_DROP = 0.1
UNCONNECTED = "not connected"
KINDS = {
    "resistor": elements.ResistorIEC,
    "fuse": elements.FuseIEC,
    "switch": elements.Switch,
    "light": elements.LED,
}


def render_schematic(netlist: Netlist) -> str:
    """Return the schematic as SVG; the same netlist gives the same text."""
    schemdraw.use("svg")
    blocks = [part for part in netlist.parts.values() if part.own["type"] != "two_pin"]
    ends = [part for part in netlist.parts.values() if part.own["type"] == "two_pin"]
    drawing = schemdraw.Drawing(show=False, fontsize=11)
    bottom = 0.0
    for start in range(0, len(blocks), COLUMNS):
        row = blocks[start : start + COLUMNS]
        bottom -= max(_height(part) for part in row) + ROW_GAP
        for column, part in enumerate(row):
            _draw_block(drawing, netlist, part, (column * COLUMN_STEP, bottom))
    for place, part in enumerate(ends):
        column, row_number = place % COLUMNS, place // COLUMNS
        _draw_two_pin(drawing, netlist, part, (column * COLUMN_STEP, bottom - 2.5 - 2.2 * row_number))
    return drawing.get_imagedata("svg").decode("utf-8")


def _height(part: Part) -> float:
    return PIN_SPACING * (max(len(part.pins), len(part.supply)) + 1)


def _draw_block(drawing: schemdraw.Drawing, netlist: Netlist, part: Part, at: tuple[float, float]) -> None:
    sides = [("left", list(part.supply)), ("right", list(part.pins))]
    pins = [
        elements.IcPin(name=pin, side=side, slot=f"{len(names) - place}/{len(names)}", anchorname=f"{side}{place}")
        for side, names in sides
        for place, pin in enumerate(names)
    ]
    title = f"{part.ref}  {part.kind['name']} ({part.box} box)"
    block = elements.Ic(pins=pins, size=(BLOCK_WIDTH, _height(part)), leadlen=0.6).at(at)
    drawing += block.label(title, loc="top", fontsize=10)
    for side, names in sides:
        for place, pin in enumerate(names):
            net = netlist.net_of.get((part.ref, pin), UNCONNECTED)
            _tag(drawing, getattr(block, f"{side}{place}"), net, side)


def _draw_two_pin(drawing: schemdraw.Drawing, netlist: Netlist, part: Part, at: tuple[float, float]) -> None:
    own = part.own
    value = f"{own['ohm'] / 1000:g} kΩ" if "ohm" in own else own["value"]
    element = KINDS[own["kind"]]().at((at[0] + 2, at[1])).right()
    drawing += element.label(f"{part.ref}  {value}", loc="top", fontsize=10)
    _tag(drawing, element.start, netlist.net_of[part.ref, "1"], "left")
    _tag(drawing, element.end, netlist.net_of[part.ref, "2"], "right")


def _tag(drawing: schemdraw.Drawing, at: tuple[float, float], net: str, side: str) -> None:
    """Write a net's name beside the end of a pin."""
    colour = "gray" if net == UNCONNECTED else "blue"
    shift = TAG_GAP if side == "right" else -TAG_GAP
    label = elements.Label().at((at[0] + shift, at[1] - TAG_DROP))
    drawing += label.label(net, loc=side, fontsize=9, color=colour)
