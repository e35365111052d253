"""Write the constants that host and firmware share from gatt.yaml, or with --check tell whether they are stale."""

import argparse
import struct
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "gatt.yaml"
HOST = HERE.parent / "sensors" / "devices" / "gatt.py"
FIRMWARE = HERE / "firmware" / "gatt.py"
SIG_BASE = "0000XXXX-0000-1000-8000-00805f9b34fb"

Value = int | str | tuple[int, ...]
Profile = dict[str, Any]


def load_profile(path: Path = SOURCE) -> Profile:
    """Read the profile."""
    profile = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(profile, dict):
        raise TypeError(f"{path}: expected a mapping; got {type(profile).__name__}")
    return profile


def constants(profile: Profile) -> dict[str, Value]:
    """Return every constant by name, in the order in which it is written."""
    frame, mtu = profile["frame"], profile["mtu"]
    header = frame["header"]["format"]
    found: dict[str, Value] = {
        "PROTOCOL": profile["protocol"],
        "NAME_PREFIX": profile["name_prefix"],
        "NAME_MAX_BYTES": profile["name_max_bytes"],
        "SERVICE": uuid_of(profile["uuid_base"], profile["service"]),
    }
    for name, characteristic in profile["characteristics"].items():
        found[f"CHARACTERISTIC_{name.upper()}"] = uuid_of(profile["uuid_base"], characteristic["code"])
    for name, code in profile["standard"].items():
        found[name.upper()] = uuid_of(SIG_BASE, code)
    found |= {"HEADER_FORMAT": header, "HEADER_BYTES": struct.calcsize(header)}
    for name, kind in frame["types"].items():
        found[f"FRAME_{name.upper()}"] = kind["code"]
        found[f"SAMPLE_FORMAT_{name.upper()}"] = kind["format"]
        found[f"SAMPLE_BYTES_{name.upper()}"] = struct.calcsize(kind["format"])
    found |= {"FULL_SCALE_COUNTS": frame["full_scale_counts"], "SAMPLES_MAX": frame["samples_max"]}
    found |= prefixed("FLAG", frame["flags"])
    found |= {f"MTU_{name.upper()}": value for name, value in mtu.items()}
    found["REPLY_BIT"] = profile["reply_bit"]
    found |= prefixed("COMMAND", {name: command["code"] for name, command in profile["commands"].items()})
    found |= {
        f"ARGUMENTS_{name.upper()}": command["arguments"]
        for name, command in profile["commands"].items()
        if command["arguments"]
    }
    found |= prefixed("STATUS", profile["status"])
    found["NOTICE_OP"] = profile["notice_op"]
    found["RATES_HZ"] = tuple(profile["rates_hz"])
    found |= sized("INFO", profile["info"]["format"])
    found |= prefixed("CAP", profile["caps"])
    for name, message in profile["sync"].items():
        found |= sized(name.upper(), message["format"])
    found["CAL_VERSION"] = profile["cal"]["version"]
    found |= sized("CAL", profile["cal"]["format"])
    found["CAL_CRC_FORMAT"] = profile["cal"]["crc"]
    return found


def uuid_of(base: str, code: str) -> str:
    """Put a 16-bit code into a 128-bit base."""
    return base.replace("XXXX", code)


def prefixed(prefix: str, codes: dict[str, int]) -> dict[str, Value]:
    """Name each code with its family."""
    return {f"{prefix}_{name.upper()}": code for name, code in codes.items()}


def sized(name: str, layout: str) -> dict[str, Value]:
    """Name a struct layout and its length."""
    return {f"{name}_FORMAT": layout, f"{name}_BYTES": struct.calcsize(layout)}


def render_host(profile: Profile) -> str:
    """Return the text of the host's module."""
    found = constants(profile)
    lines = [
        '"""The goniometer\'s Bluetooth profile; generated from hardware/gatt.yaml, which explains it. Do not edit."""',
        "",
        "from typing import Final",
        "",
        *(f"{name}: Final = {literal(value)}" for name, value in found.items()),
        "",
    ]
    for table, prefix, codes in (
        ("FLAG_NAMES", "FLAG", profile["frame"]["flags"]),
        ("COMMAND_NAMES", "COMMAND", profile["commands"]),
        ("STATUS_NAMES", "STATUS", profile["status"]),
    ):
        lines.append(f"{table}: Final = {{")
        lines += [f'    {prefix}_{name.upper()}: "{name}",' for name in codes]
        lines.append("}")
    return "\n".join(lines) + "\n"


def render_firmware(profile: Profile) -> str:
    """Return the text of the firmware's module: integers by const(), so that they cost no memory on the board."""
    lines = [
        '"""Generated from hardware/gatt.yaml, which explains it. Do not edit."""',
        "",
        "from micropython import const",
        "",
    ]
    for name, value in constants(profile).items():
        lines.append(f"{name} = const({value})" if isinstance(value, int) else f"{name} = {literal(value)}")
    return "\n".join(lines) + "\n"


def literal(value: Value) -> str:
    """Write a value as source code."""
    return f'"{value}"' if isinstance(value, str) else repr(value)


def stale(profile: Profile) -> list[Path]:
    """Name the generated files that are not what the profile says."""
    wanted = {HOST: render_host(profile), FIRMWARE: render_firmware(profile)}
    return [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def main() -> int:
    """Write both files, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is stale")
    profile = load_profile()
    if parser.parse_args().check:
        old = stale(profile)
        for path in old:
            sys.stderr.write(f"{path.relative_to(HERE.parent)} is stale: run python hardware/generate_gatt.py\n")
        return 1 if old else 0
    HOST.write_text(render_host(profile), encoding="utf-8")
    FIRMWARE.write_text(render_firmware(profile), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
