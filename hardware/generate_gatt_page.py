"""The specification of the Bluetooth profile for other people's clients, written from gatt.yaml."""

import struct
from typing import Any

from generate_gatt import uuid_of

__all__ = ["render_page"]

Profile = dict[str, Any]

INTRODUCTION = """# Bluetooth profile of the open goniometer

Generated from `gatt.yaml` by `python hardware/generate.py`; do not edit. Protocol {protocol}.

All numbers are little-endian and packed without padding; formats are those of Python's `struct`. The unit
advertises the service as a complete 128-bit UUID and its name, `{prefix}` and two characters of its own choice,
in the advertising packet itself. It needs no pairing and keeps one connection. Ask for an MTU of {mtu}; with less,
frames hold fewer samples, and below {smallest} `start` is refused. Nothing is sent before `start`, whatever was
subscribed. After a lost connection the unit advertises again; `seq` and `t_us` of the new stream have nothing to do
with the old one's.
"""

CLOCK = """## Clock

Write a ping to `sync` a few times a second; the pong repeats its `t0`. A frame or pong always arrives later than its
stamp, a ping always leaves earlier than `t1`: the two convex hulls bound the unit's clock from both sides, whatever
the connection interval (`sensors/host_clock.py`). The mean of round trips is biased by half the connection interval.
"""

CONTROL = """## Commands

Write `op u8, arguments` to `control`; the answer is notified there as `op | 0x{reply:02X}, status u8`.
"""

NOTICE = """What nobody asked for is notified as `0x{notice:02X}, status u8`: a fault began, or `ok`: none is left.
"""


def render_page(profile: Profile) -> str:
    """Return the text of ``gatt.md``."""
    introduction = INTRODUCTION.format(
        protocol=profile["protocol"],
        prefix=profile["name_prefix"],
        mtu=profile["mtu"]["wanted"],
        smallest=profile["mtu"]["smallest"],
    )
    sections = [
        introduction,
        _characteristics(profile),
        _frames(profile),
        _commands(profile),
        _layout("What the unit is: `info`", profile["info"]),
        _bits("Capabilities (`caps`)", profile["caps"]),
        CLOCK,
        _layout("`sync`, host to unit", profile["sync"]["ping"]),
        _layout("`sync`, unit to host", profile["sync"]["pong"]),
        _calibration(profile["cal"]),
    ]
    return "\n".join(section.rstrip("\n") + "\n" for section in sections)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines) + "\n"


def _characteristics(profile: Profile) -> str:
    base = profile["uuid_base"]
    rows = [("service", f"`{uuid_of(base, profile['service'])}`", "", "")]
    rows += [
        (f"`{name}`", f"`{uuid_of(base, one['code'])}`", ", ".join(one["properties"]), one["about"])
        for name, one in profile["characteristics"].items()
    ]
    rows += [(name.replace("_", " "), f"`0x{code.upper()}`", "read", "") for name, code in profile["standard"].items()]
    return "## Characteristics\n\n" + _table(("name", "UUID", "properties", "holds"), rows)


def _frames(profile: Profile) -> str:
    frame = profile["frame"]
    types = [
        (str(one["code"]), f"`{name}`", f"`{one['format']}`", one["unit"], one["about"])
        for name, one in frame["types"].items()
    ]
    return "\n".join(
        [
            _layout("Frames", frame["header"]),
            "n samples of the frame's type follow:\n",
            _table(("type", "name", "format of a sample", "unit", "holds"), types),
            f"A count of {frame['full_scale_counts']} is the full scale that `info` states.\n",
            _bits("Flags", frame["flags"]),
        ]
    )


def _commands(profile: Profile) -> str:
    rows = [
        (str(one["code"]), f"`{name}`", f"`{one['arguments'] or '-'}`", one.get("unit", ""), one["about"])
        for name, one in profile["commands"].items()
    ]
    statuses = [(str(code), f"`{name}`") for name, code in profile["status"].items()]
    return "\n".join(
        [
            CONTROL.format(reply=profile["reply_bit"]),
            _table(("op", "name", "arguments", "unit", "does"), rows),
            NOTICE.format(notice=profile["notice_op"]),
            _table(("status", "name"), statuses),
        ]
    )


def _calibration(cal: Profile) -> str:
    text = _layout("Calibration: `cal`", cal)
    return text + "\nCRC-32 (zlib) of all bytes before it ends the blob. corrected = matrix · (measured − offset).\n"


def _layout(title: str, layout: Profile) -> str:
    form = layout["format"]
    rows = [(f"`{one['name']}`", str(one.get("count", 1)), one["unit"], one["about"]) for one in layout["fields"]]
    size = struct.calcsize(form)
    return f"## {title}\n\n`{form}`, {size} bytes\n\n" + _table(("field", "values", "unit", "holds"), rows)


def _bits(title: str, bits: dict[str, int]) -> str:
    rows = [(f"0x{bit:02X}", f"`{name}`") for name, bit in bits.items()]
    return f"### {title}\n\n" + _table(("bit", "name"), rows)
