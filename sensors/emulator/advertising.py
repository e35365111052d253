"""Advertisements to bytes and back (Core Specification Supplement 11, Part A)."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from analysis.errors import DataError

__all__ = ["Heard", "advertisement", "hear"]

_FLAGS = 0x01
_SERVICES_16 = (0x02, 0x03)
_SERVICES_128 = (0x06, 0x07)
_NAMES = (0x08, 0x09)
_MANUFACTURER = 0xFF
_GENERAL_DISCOVERABLE_LE_ONLY = b"\x06"
_LEGACY_OCTETS = 31
_BASE = "0000{:04x}-0000-1000-8000-00805f9b34fb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What an advertisement says."""

    name: str | None = None
    service_uuids: tuple[str, ...] = ()
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict)


def advertisement(*, name: str, service: str | None = None, company: int | None = None) -> bytes:
    """Put a unit's name, service and company into one advertisement.

    Raises
    ------
    DataError
        If they do not fit into the 31 octets of a classic advertisement.
    """
    parts = [(_FLAGS, _GENERAL_DISCOVERABLE_LE_ONLY)]
    if service is not None:
        parts.append((_SERVICES_128[1], uuid.UUID(service).bytes[::-1]))
    if company is not None:
        parts.append((_MANUFACTURER, company.to_bytes(2, "little")))
    parts.append((_NAMES[1], name.encode()))
    packed = b"".join(bytes([len(value) + 1, kind]) + value for kind, value in parts)
    if len(packed) > _LEGACY_OCTETS:
        raise DataError(f"expected an advertisement of at most {_LEGACY_OCTETS} octets; '{name}' makes {len(packed)}")
    return packed


def hear(data: bytes) -> Heard:
    """Read an advertisement; parts that we do not know are left out."""
    name: str | None = None
    services: list[str] = []
    companies: dict[int, bytes] = {}
    position = 0
    while position + 1 < len(data) and data[position]:
        kind, value = data[position + 1], data[position + 2 : position + 1 + data[position]]
        position += 1 + data[position]
        if kind in _NAMES:
            name = value.decode(errors="replace")
        elif kind in _SERVICES_128:
            services += [str(uuid.UUID(bytes=value[i : i + 16][::-1])) for i in range(0, len(value) - 15, 16)]
        elif kind in _SERVICES_16:
            services += [_BASE.format(int.from_bytes(value[i : i + 2], "little")) for i in range(0, len(value) - 1, 2)]
        elif kind == _MANUFACTURER:
            companies[int.from_bytes(value[:2], "little")] = value[2:]
    return Heard(name=name, service_uuids=tuple(services), manufacturer_data=companies)
