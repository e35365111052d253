"""The sensors beside the camera while an exam is recorded: band, live view, zero and guided calibration."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from analysis.errors import CatchangleError
from analysis.finding import VelocityClass
from dashboard.components.sensor_view import sensor_view
from dashboard.services.live_shots import LiveState
from dashboard.services.wording import verbatim

if TYPE_CHECKING:
    from dashboard.services.live_sensors import LiveSensors

__all__ = ["sensor_panel", "sensor_tools"]

_ANY = "Any"
_SAID = "sensor-calibration"
_HOW = "Move the joint slowly over its range, to and fro three times, beginning with a stretch; then press Done."


def sensor_panel(live: "LiveSensors") -> None:
    """Show the band that is asked for and what the sensors say."""
    asked = st.segmented_control(
        "Velocity asked for",
        [_ANY, *(one.value for one in VelocityClass)],
        default=_ANY,
        required=True,
        key="sensor-band",
        help="V1 slow, V2 as the limb falls, V3 fast. The verdict on each repetition is against it.",
    )
    live.movement.ask(None if asked in {None, _ANY} else VelocityClass(asked))
    sensor_view(live)


def sensor_tools(live: "LiveSensors") -> None:
    """Offer what is optional: where the joint is now, and a guided calibration."""
    if live.state is not LiveState.WATCHING:
        return
    with st.expander("Angle and calibration (optional)", icon=":material/tune:"):
        angle = st.number_input(
            "The joint is now at, °", min_value=-180.0, max_value=180.0, value=90.0, help="Flexion is positive."
        )
        if st.button("Set the angle"):
            _told(lambda: live.movement.set_angle(float(angle)))
        _calibration(live)


def _calibration(live: "LiveSensors") -> None:
    key = f"{_SAID}-{live.id}"
    if not live.calibrating:
        if st.button("Calibrate the axis", help=_HOW):
            live.begin_calibration()
            st.session_state.pop(key, None)
            st.rerun()
    else:
        st.info(_HOW)
        if st.button("Done", type="primary"):
            _told(lambda: st.session_state.update({key: live.finish_calibration()}))
            st.rerun()
    if key in st.session_state:
        st.success(st.session_state[key])


def _told(do: Callable[[], None]) -> None:
    """Do something optional; what is wrong is said for a moment, and the exam goes on."""
    try:
        do()
    except CatchangleError as error:
        st.toast(verbatim(str(error)), icon=":material/warning:")
