"""What is to be recorded: the form that stands before the camera and the sensors are opened."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from analysis.model import Side, TestKind
from analysis.muscles import MuscleGroup
from dashboard.components.sensor_form import sensor_form
from dashboard.errors import DashboardError
from dashboard.services.wording import plain, protocol
from records.rows import Phase
from records.rules import check_patient_code
from records.store import Store

if TYPE_CHECKING:
    from dashboard.services.sensor_choice import SensorWish

__all__ = ["FilmPlan", "film_form"]

_CAMERA, _FILE, _PATTERN, _NONE = "Camera", "A video file in its place", "Test pattern", "No camera"
_TEST_PATTERN = "test-pattern"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmPlan:
    """What is to be recorded; without a camera `source` is empty, without sensors `wish` is ``None``."""

    source: str
    wish: "SensorWish | None"
    code: str
    phase: Phase
    muscle_group: MuscleGroup
    side: Side
    test: TestKind


def film_form(store: Store) -> FilmPlan | None:
    """Show the form; return what was sent just now.

    Raises
    ------
    CatchangleError
        If it cannot be done so.
    """
    kind = st.segmented_control(
        "What films?", [_CAMERA, _FILE, _PATTERN, _NONE], default=_CAMERA, required=True, key="film-kind"
    )
    choice = sensor_form(store.home)
    with st.form("film", border=False):
        one, two, three = st.columns(3)
        source = _source(str(kind), one)
        code = two.text_input("Patient code", placeholder="P001", help="A code of yours, never a name.").strip()
        phase = three.selectbox("Phase", list(Phase), format_func=lambda phase: phase.label)
        group = one.selectbox("Muscle group", list(MuscleGroup), format_func=plain)
        side = two.selectbox("Side", list(Side), format_func=str)
        test = three.selectbox("Protocol", list(TestKind), format_func=lambda test: protocol(test.value))
        label = _button(camera=kind != _NONE, sensors=choice is not None)
        sent = st.form_submit_button(label, type="primary", icon=":material/videocam:")
    if not sent:
        return None
    check_patient_code(store.home, code)
    wish = None if choice is None else choice()
    if not source and wish is None:
        raise DashboardError("there is nothing to record: choose a camera, sensors, or both")
    _check_kind(store, code, wish)
    return FilmPlan(
        source=source,
        wish=wish,
        code=code,
        phase=phase or Phase.OTHER,
        muscle_group=group or MuscleGroup.ELBOW_FLEXORS,
        side=side or Side.LEFT,
        test=test or TestKind.PASSIVE_STRETCH,
    )


def _source(kind: str, place: "st.delta_generator.DeltaGenerator") -> str:
    match kind:
        case "Camera":
            return str(place.number_input("Number of the camera", min_value=0, max_value=63, value=0))
        case "A video file in its place":
            return place.text_input("Path of the video file", placeholder="/data/elbow.mp4").strip()
        case "Test pattern":
            return _TEST_PATTERN
        case _:
            return ""


def _button(*, camera: bool, sensors: bool) -> str:
    if camera and sensors:
        return "Open the camera and connect the sensors"
    return "Connect the sensors" if sensors else "Open the camera"


def _check_kind(store: Store, code: str, wish: "SensorWish | None") -> None:
    if wish is None:
        return
    from dashboard.services.sensor_choice import check_simulated  # noqa: PLC0415 (loads Bluetooth)

    check_simulated(code, store.patients(), simulated=wish.simulated)
