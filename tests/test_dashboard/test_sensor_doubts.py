"""What a recording will lack is told before it is made."""

import pytest

from dashboard.services.sensor_doubts import recording_doubts
from sensors.devices.dot import LIVE_LIMIT
from sensors.packets import Channel, ClockQuality, Role, UnitInfo

PAIR = {Role.PROXIMAL: ("a", Channel.IMU_A), Role.DISTAL: ("b", Channel.IMU_A)}


def unit(unit_id: str, channel: Channel = Channel.IMU_A, limit: str = "") -> UnitInfo:
    return UnitInfo(
        kind="dot",
        unit_id=unit_id,
        name=f"Unit {unit_id}",
        channels=(channel,),
        rate_hz=60.0,
        clock=ClockQuality.ONE_WAY,
        details={"limit": limit} if limit else {},
    )


def test_a_whole_set_leaves_no_doubt() -> None:
    units = [unit("a"), unit("b"), unit("f", Channel.FORCE), unit("e", Channel.EMG)]
    roles = {**PAIR, Role.FORCE: ("f", Channel.FORCE), Role.EMG: ("e", Channel.EMG)}
    assert recording_doubts(units, roles, {"lever_m": 0.25, "muscle": "biceps"}, with_camera=False) == ()


@pytest.mark.parametrize(
    ("roles", "with_camera", "words"),
    [
        (PAIR, False, "Unit f (f) has no role"),
        ({**PAIR, Role.FORCE: ("f", Channel.FORCE)}, False, "give --lever METRES"),
        ({**PAIR, Role.EMG: ("f", Channel.EMG)}, False, "give --muscle NAME"),
        ({Role.PROXIMAL: ("a", Channel.IMU_A)}, True, "no angle can be had from these sensors: the distal one"),
        ({Role.FORCE: ("f", Channel.FORCE)}, False, "the distal and the proximal one has no sensor"),
    ],
)
def test_what_is_missing_is_said_with_what_mends_it(
    roles: dict[Role, tuple[str, Channel]], with_camera: bool, words: str
) -> None:
    units = [unit("a"), unit("b"), unit("f", Channel.FORCE)]
    assert words in " | ".join(recording_doubts(units, roles, {}, with_camera=with_camera))


def test_a_camera_and_a_force_alone_are_in_order() -> None:
    roles = {Role.FORCE: ("f", Channel.FORCE)}
    assert recording_doubts([unit("f", Channel.FORCE)], roles, {"lever_m": 0.2}, with_camera=True) == ()


def test_a_limit_that_two_units_share_is_said_once() -> None:
    units = [unit("a", limit=LIVE_LIMIT), unit("b", limit=LIVE_LIMIT)]
    assert recording_doubts(units, PAIR, {}, with_camera=False) == (LIVE_LIMIT,)
