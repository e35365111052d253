"""What a recording of these sensors will lack, told before it is made, with what mends it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sensors.packets import Role, UnitInfo
from sensors.roles import ChannelKey

__all__ = ["recording_doubts"]

_PAIR = {Role.PROXIMAL, Role.DISTAL}


def recording_doubts(
    units: Sequence[UnitInfo], roles: Mapping[Role, ChannelKey], settings: Mapping[str, Any], *, with_camera: bool
) -> tuple[str, ...]:
    """Return what will be missing, one sentence each.

    Parameters
    ----------
    units
        The units that stream.
    roles
        What they are for.
    settings
        What is known besides: ``lever_m`` of the force, ``muscle`` of the EMG.
    with_camera
        Whether the film gives an angle.
    """
    with_role = {unit_id for unit_id, _ in roles.values()}
    said = [
        f"{unit.name} ({unit.unit_id}) has no role and becomes no stream of the recording; stop, and tell it with "
        "--sensor or `catchangle sensors assign`"
        for unit in units
        if unit.unit_id not in with_role
    ]
    missing = sorted(_PAIR - set(roles))
    if missing and (not with_camera or len(missing) < len(_PAIR)):
        said.append(f"no angle can be had from these sensors: the {' and the '.join(missing)} one has no sensor")
    if Role.FORCE in roles and "lever_m" not in settings:
        said.append("the force sensor's lever is not known, so no force is recorded; stop, and give --lever METRES")
    if Role.EMG in roles and "muscle" not in settings:
        said.append("the muscle under the EMG is not known; stop, and give --muscle NAME")
    limits = dict.fromkeys(str(unit.details.get("limit", "")) for unit in units)
    return (*said, *(limit for limit in limits if limit))
