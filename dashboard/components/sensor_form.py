"""Choosing sensors: none, those in the air with their roles, or an emulated set without hardware."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.errors import DashboardError
from dashboard.services.wording import verbatim

if TYPE_CHECKING:
    from dashboard.services.sensing import Introduced
    from dashboard.services.sensor_choice import SensorWish
    from sensors.roles import ChannelKey

__all__ = ["sensor_form"]

_NONE, _AIR, _VIRTUAL = "No sensors", "Sensors in the air", "Try without hardware"
_FOUND = "sensors-found"
_LONGEST_LEVER_M = 1.0


def sensor_form(home: Path) -> "Callable[[], SensorWish] | None":
    """Show what can be chosen; return what makes a wish of it, ``None`` without sensors."""
    kind = st.segmented_control(
        "Which sensors?", [_NONE, _AIR, _VIRTUAL], default=_NONE, required=True, key="sensor-kind"
    )
    if kind == _NONE:
        return None
    with st.spinner("loading Bluetooth …"):
        from dashboard.services.sensor_choice import EMULATED, SensorWish  # noqa: PLC0415 (loads Bluetooth)
    if kind == _VIRTUAL:
        one, two, _ = st.columns(3)
        rig = one.selectbox("Emulated set", EMULATED, help="Virtual sensors on a virtual patient, without any radio.")
        seed = two.number_input("Number of the virtual patient", min_value=1, max_value=9999, value=1)
        return partial(SensorWish, emulator=rig or EMULATED[0], seed=int(seed))
    return _air(home)


def _air(home: Path) -> "Callable[[], SensorWish]":
    if st.button("Scan", icon=":material/bluetooth_searching:"):
        from dashboard.services.sensor_choice import scan  # noqa: PLC0415 (loads Bluetooth)

        st.session_state.pop(_FOUND, None)
        with st.spinner("listening for sensors …"):
            st.session_state[_FOUND] = scan()
    found: tuple[Introduced, ...] = st.session_state.get(_FOUND, ())
    if not found:
        st.caption("Switch the sensors on and scan; what each is for is remembered from exam to exam.")
        return _not_yet
    st.dataframe([_row(one) for one in found], hide_index=True, height="content", alt="Sensors that were found")
    return _roles(home, found)


def _not_yet() -> "SensorWish":
    raise DashboardError("no sensors are chosen: scan for them, or choose 'Try without hardware'")


def _row(one: "Introduced") -> dict[str, str]:
    battery = one.info.battery_percent if one.info is not None else one.found.battery_percent
    signal = one.found.signal_dbm
    return {
        "Sensor": one.found.name,
        "Type": one.found.kind,
        "Battery": "not known" if battery is None else f"{battery:.0f} %",
        "Signal": "not known" if signal is None else f"{signal:.0f} dBm",
        "Trouble": one.trouble,
    }


def _roles(home: Path, found: "tuple[Introduced, ...]") -> "Callable[[], SensorWish]":
    from dashboard.services.sensor_choice import channels_for, known_roles, wish_for  # noqa: PLC0415 (loads Bluetooth)
    from sensors.packets import Role  # noqa: PLC0415 (with what it is used)

    known = known_roles(home, found)
    names = {one.info.unit_id: one.found.name for one in found if one.info is not None}
    chosen: dict[Role, ChannelKey] = {}
    places = st.columns(4)
    for place, role in zip(places, (Role.PROXIMAL, Role.DISTAL, Role.FORCE), strict=False):
        keys = channels_for(role, found)
        key = place.selectbox(
            role.value.capitalize(),
            keys,
            index=keys.index(known[role]) if known.get(role) in keys else None,
            format_func=lambda key: f"{verbatim(names[key[0]])}, {key[1].value}",
            placeholder="none",
            key=f"sensor-role-{role.value}",
        )
        if key is not None:
            chosen[role] = key
    lever = places[3].number_input(
        "Lever of the force, m",
        min_value=0.0,
        max_value=_LONGEST_LEVER_M,
        value=None,
        help="From the joint's axis to where the force sensor pushes.",
    )
    return partial(wish_for, home, found, chosen, lever)
