"""What each sensor is for, remembered on this machine from exam to exam."""

import json
from pathlib import Path

from records.durable import write_file
from records.errors import RecordError
from sensors.packets import Channel, Role
from sensors.roles import RoleMap

__all__ = ["load_roles", "save_roles"]

_FILE = "sensor_roles.json"
_FORMAT, _VERSION = "catchangle-sensor-roles", 1


def load_roles(home: Path) -> RoleMap:
    """Read the roles; none where none were told.

    Raises
    ------
    RecordError
        If the file is damaged.
    """
    path = home / _FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return RoleMap()
    except OSError as error:
        raise RecordError(path, f"cannot be read ({error.strerror}); check its permissions") from error
    try:
        read = json.loads(text)
        known = (read["format"], read["version"]) == (_FORMAT, _VERSION)
        roles = {(entry["unit_id"], Channel(entry["channel"])): Role(entry["role"]) for entry in read["roles"]}
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(path, "is damaged; delete it and tell the roles anew") from error
    if not known:
        raise RecordError(path, "is of another version; delete it and tell the roles anew")
    return RoleMap(roles=roles)


def save_roles(home: Path, roles: RoleMap) -> None:
    """Write the roles.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    entries = [
        {"unit_id": unit_id, "channel": channel.value, "role": role.value}
        for (unit_id, channel), role in sorted(roles.roles.items())
    ]
    text = json.dumps({"format": _FORMAT, "version": _VERSION, "roles": entries}, indent=2) + "\n"
    write_file(home / _FILE, lambda path: path.write_text(text, encoding="utf-8"))
