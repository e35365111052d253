"""The firmware's pin map, written from the netlist."""

from electronics.netlist import Netlist
from electronics.rules import addresses

__all__ = ["render_board"]


def render_board(netlist: Netlist) -> str:
    """Return the text of ``firmware/board.py``."""
    firmware, bus = netlist.said["firmware"], netlist.said["bus"]
    board = netlist.parts[firmware["board"]]
    lines = [
        '"""Generated from hardware/electronics/nets.yaml, which explains it. Do not edit."""',
        "",
        "from micropython import const",
        "",
        f'BOARD = "{board.kind["name"]}"',
    ]
    for net in firmware["pins"]:
        (pin,) = (pin for ref, pin in netlist.nets[net] if ref == board.ref)
        lines.append(f"PIN_{net} = const({board.pins[pin]['gpio']})")
    lines.append(f"BUS_RATE_HZ = const({bus['rate_Hz']})")
    found = addresses(netlist)
    for ref, part in netlist.parts.items():
        if "role" in part.own:
            lines.append(f"ADDRESS_{part.own['role'].upper()} = const(0x{found[ref]:02X})")
    for net, (top, bottom) in firmware["dividers"].items():
        ratio = 1 + float(netlist.parts[top].own["ohm"]) / float(netlist.parts[bottom].own["ohm"])
        lines.append(f"DIVIDER_{net} = {ratio:g}")
    return "\n".join(lines) + "\n"
