"""Parts, pins and nets as `nets.yaml` states them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Netlist", "Part", "parallel_ohm", "read_netlist"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part: its reference, its type's properties, and its own (`box`, `ohm`, `address`, …)."""

    ref: str
    kind: dict[str, Any]
    own: dict[str, Any]

    @property
    def pins(self) -> dict[str, dict[str, Any]]:
        """Signal pins by name; each says what it `can` be."""
        return dict(self.kind["pins"])

    @property
    def supply(self) -> dict[str, str]:
        """Supply pins by name, with ``in``, ``out``, ``in_or_out``, ``battery`` or ``ground``."""
        return dict(self.kind["supply"])

    @property
    def box(self) -> str:
        """Enclosure that it sits in."""
        return str(self.own["box"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Netlist:
    """The whole circuit; `said` is the file as it stands."""

    said: dict[str, Any]
    parts: dict[str, Part]
    nets: dict[str, tuple[tuple[str, str], ...]]
    net_of: dict[tuple[str, str], str] = field(default_factory=dict)

    def volts(self, net: str) -> float | None:
        """Return the fixed voltage of a net, where it has one."""
        value = self.said["nets"][net].get("V")
        return None if value is None else float(value)

    def other_end(self, ref: str, net: str) -> str | None:
        """Net at the other end of a part with two pins."""
        ends = [self.net_of.get((ref, pin)) for pin in ("1", "2")]
        return next((end for end in ends if end != net), None)


def read_netlist(path: Path) -> Netlist:
    """Read `nets.yaml`; an unknown type or a malformed pin raises `KeyError` or `ValueError` that names it."""
    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    parts = {ref: Part(ref=ref, kind=said["types"][own["type"]], own=own) for ref, own in said["parts"].items()}
    nets = {name: tuple(_pin(text) for text in net["pins"]) for name, net in said["nets"].items()}
    net_of = {pin: name for name, pins in nets.items() for pin in pins}
    return Netlist(said=said, parts=parts, nets=nets, net_of=net_of)


def _pin(text: str) -> tuple[str, str]:
    ref, dot, pin = text.partition(".")
    if not dot:
        raise ValueError(f"expected PART.PIN in a net; got {text!r}")
    return ref, pin


def parallel_ohm(resistances: list[float]) -> float:
    """Resistance of resistors side by side; infinite without any."""
    return 1.0 / sum(1.0 / one for one in resistances) if resistances else float("inf")
