"""Which sensor is for what in the exam: remembered by the units' own identities, told by hand or by shaking one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sensors.packets import Channel, Role, UnitInfo

__all__ = ["ChannelKey", "RoleMap", "ShakeParams", "assign_roles", "find_shaken", "possible_roles"]

ChannelKey = tuple[str, Channel]
"""A unit's lasting identity and one of its channels."""

_POSSIBLE: Mapping[Channel, tuple[Role, ...]] = {
    Channel.IMU_A: (Role.PROXIMAL, Role.DISTAL),
    Channel.IMU_B: (Role.PROXIMAL, Role.DISTAL),
    Channel.FORCE: (Role.FORCE,),
    Channel.EMG: (Role.EMG,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleMap:
    """What was told of the channels of all units, those that are not in use included."""

    roles: Mapping[ChannelKey, Role] = field(default_factory=dict)

    def told(self, key: ChannelKey, role: Role, present: Sequence[ChannelKey]) -> "RoleMap":
        """Return the map with one more role told, taken from whoever of those present had it."""
        kept = {other: had for other, had in self.roles.items() if had is not role or other not in present}
        return RoleMap(roles={**kept, key: role})


def possible_roles(channel: Channel) -> tuple[Role, ...]:
    """Return what a channel can be for."""
    return _POSSIBLE[channel]


def assign_roles(units: Sequence[UnitInfo], remembered: RoleMap = RoleMap()) -> dict[ChannelKey, Role]:
    """Give each present channel its role, as far as that is certain.

    What was told comes first. A unit with two inertial sensors is a goniometer: its first is proximal, its second
    distal. One channel and one role that are left for each other belong together. What two claim, neither gets.

    Parameters
    ----------
    units
        The units in use.
    remembered
        What was told before.
    """
    keys = [(unit.unit_id, channel) for unit in units for channel in unit.channels]
    told = {key: remembered.roles[key] for key in keys if key in remembered.roles}
    claimed = {key: role for key, role in told.items() if role in _POSSIBLE[key[1]]}
    roles = _unrivalled(claimed)
    if not claimed.keys() & {key for key in keys if key[1] in {Channel.IMU_A, Channel.IMU_B}}:
        pairs = [unit for unit in units if {Channel.IMU_A, Channel.IMU_B} <= set(unit.channels)]
        if len(pairs) == 1:
            unit_id = pairs[0].unit_id
            roles |= {(unit_id, Channel.IMU_A): Role.PROXIMAL, (unit_id, Channel.IMU_B): Role.DISTAL}
    for role in Role:
        free = [key for key in keys if key not in claimed and key not in roles and role in _POSSIBLE[key[1]]]
        others_left = [other for other in _POSSIBLE[free[0][1]] if other not in roles.values()] if free else []
        if len(free) == 1 and others_left == [role] and role not in claimed.values():
            roles[free[0]] = role
    return roles


def _unrivalled(claimed: Mapping[ChannelKey, Role]) -> dict[ChannelKey, Role]:
    held = list(claimed.values())
    return {key: role for key, role in claimed.items() if held.count(role) == 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShakeParams:
    """When a sensor was shaken or tapped; all values chosen by us.

    Attributes
    ----------
    acc_m_s2
        Scatter of the acceleration (m/s²) that shaking or tapping a sensor exceeds, and strapping it on does not.
    force_N
        Scatter of the force (N) that a few pushes exceed.
    ahead
        It must be this many times more than all others: a table that is knocked moves every sensor on it.
    samples
        Fewer samples tell nothing.
    """

    acc_m_s2: float = 3.0
    force_N: float = 4.0
    ahead: float = 3.0
    samples: int = 20


def find_shaken(
    recent: Mapping[ChannelKey, NDArray[np.float64]], params: ShakeParams = ShakeParams()
) -> ChannelKey | None:
    """Tell which sensor was shaken, tapped or pushed.

    Parameters
    ----------
    recent
        Samples of each channel over the last second or two, as in `sensors.packets.SampleBlock`.
    params
        What counts as shaking.

    Returns
    -------
    ChannelKey or None
        ``None`` where none, or more than one, was.
    """
    vigour = {key: _vigour(key[1], values, params) for key, values in recent.items() if len(values) >= params.samples}
    ranked = sorted(vigour, key=lambda key: -vigour[key])
    if not ranked or vigour[ranked[0]] < 1.0:
        return None
    if len(ranked) > 1 and vigour[ranked[0]] < params.ahead * vigour[ranked[1]]:
        return None
    return ranked[0]


def _vigour(channel: Channel, values: NDArray[np.float64], params: ShakeParams) -> float:
    """Return the scatter of a signal as a share of what shaking exceeds."""
    if channel is Channel.EMG:
        return 0.0
    if channel is Channel.FORCE:
        return float(np.std(values)) / params.force_N
    return float(np.linalg.norm(np.std(values[:, :3], axis=0))) / params.acc_m_s2
