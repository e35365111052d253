"""Sensors behind the exam page: what is shown of a planted movement, the verdict, gaps, the beat, and the recording."""

import asyncio
import http.client
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from starlette.requests import Request
from starlette.responses import Response

from analysis.finding import VelocityClass
from analysis.model import Side, Subject, TestKind
from analysis.muscles import MuscleGroup
from analysis.repetition import Repetition, Verdict
from capture.camera import Camera, CameraParams
from capture.recorder import record_video
from dashboard.components.media import BOARD_ROUTE, board_link
from dashboard.components.server import build_routes
from dashboard.errors import DashboardError
from dashboard.services.live_movement import AXIS_FOUND, BROKEN, LiveMovement
from dashboard.services.live_sensors import LiveSensors, LiveSensorsParams, connect_sensors
from dashboard.services.live_shots import LiveState
from dashboard.services.pace import PaceParams, stretch_period_s, target_velocity_deg_s, verdict_words
from dashboard.services.sensor_choice import (
    SensorWish,
    channels_for,
    check_simulated,
    known_roles,
    planning,
    scan,
    wish_for,
)
from records.folder import read_folder
from records.live_folder import LiveHeader
from records.store import Store
from sensors.errors import SensorError
from sensors.packets import Channel, Role

GROUP = MuscleGroup.ELBOW_FLEXORS
RATE_HZ = 200.0
HEADER = LiveHeader(
    muscle_group=GROUP,
    side=Side.LEFT,
    test=TestKind.PASSIVE_STRETCH,
    started_at=datetime(2026, 1, 31, tzinfo=UTC),
    subject=Subject(code="V001"),
    simulated=True,
)


def smooth(at: np.ndarray, start_s: float, seconds: float) -> np.ndarray:
    """Return the course of a minimum-jerk movement from 0 to 1."""
    share = np.clip((at - start_s) / seconds, 0.0, 1.0)
    return share**3 * (10 - 15 * share + 6 * share**2)


class Elbow:
    """An elbow whose distal sensor turns about its z axis, by a planted course; the proximal one is still."""

    def __init__(self, movement: LiveMovement) -> None:
        self.movement = movement
        self.at_s = 0.0
        self.angle = 120.0
        self.rng = np.random.default_rng(1)

    def stretch(self, range_deg: float, seconds: float, *, without: tuple[float, float] = (9e9, 9e9)) -> None:
        """Rest, move, rest; a negative range extends the elbow, which stretches its flexors."""
        time_s = self.at_s + np.arange(0.0, seconds + 1.5, 1 / RATE_HZ)
        angle = np.deg2rad(self.angle + range_deg * smooth(time_s - self.at_s, 0.75, seconds))
        rate = np.gradient(angle, 1 / RATE_HZ)
        for at, one, turning in zip(time_s, angle, rate, strict=True):
            if without[0] <= at - self.at_s < without[1]:
                continue
            stamp, noise = np.array([at]), 1e-3 * self.rng.standard_normal((4, 1, 3))
            self.movement.update(Role.PROXIMAL, stamp, np.array([[0.0, 9.81, 0.0]]) + noise[0], noise[1])
            gravity = 9.81 * np.array([[np.sin(one), np.cos(one), 0.0]])
            self.movement.update(Role.DISTAL, stamp, gravity + noise[2], noise[3] + np.array([[0.0, 0.0, turning]]))
        self.at_s, self.angle = float(time_s[-1]) + 1 / RATE_HZ, self.angle + range_deg

    def to_and_fro(self, seconds: float, back_s: float = 2.0) -> None:
        self.stretch(-100.0, seconds)
        self.stretch(100.0, back_s)

    def shown(self, after_s: float = -1.0) -> dict[str, Any]:
        return self.movement.shown(after_s, self.at_s)


@pytest.fixture
def elbow() -> Elbow:
    """Return an elbow whose axis was found in a slow movement."""
    made = Elbow(LiveMovement(GROUP, origin_s=0.0))
    made.to_and_fro(4.0)
    return made


def test_a_fast_stretch_that_was_too_slow_is_said_with_its_peak(elbow: Elbow) -> None:
    elbow.movement.ask(VelocityClass.V3)
    elbow.to_and_fro(1.875 * 100 / 120)  # a minimum-jerk movement that peaks at 120 deg/s
    gauge = elbow.shown()["gauge"]
    assert gauge["peak_deg_s"] == pytest.approx(120.0, rel=0.02)
    assert gauge["verdict"] == "too slow"
    assert gauge["words"] == f"too slow for V3: {gauge['peak_deg_s']:.0f} of 150 °/s, repeat"
    elbow.to_and_fro(1.875 * 100 / 250)
    gauge = elbow.shown()["gauge"]
    assert gauge["verdict"] == "in band"
    assert gauge["peak_deg_s"] == pytest.approx(250.0, rel=0.02)


def test_the_verdict_comes_before_the_stretch_ends(elbow: Elbow) -> None:
    elbow.movement.ask(VelocityClass.V3)
    began = elbow.shown()["gauge"]["number"]
    elbow.stretch(-100.0, 3.0, without=(0.75 + 2.6, 99.0))  # the peak was at half of it; the rest is still to come
    gauge = elbow.movement.shown(-1.0, elbow.at_s)["gauge"]
    assert gauge["number"] == began, "the repetition has not ended"
    assert gauge["verdict"] == "too slow"


def test_a_repetition_with_a_gap_is_not_judged_and_the_gap_is_in_the_trace(elbow: Elbow) -> None:
    elbow.movement.ask(VelocityClass.V3)
    before = elbow.at_s
    elbow.stretch(-100.0, 1.0, without=(1.1, 1.4))
    assert elbow.shown()["gauge"]["words"] == BROKEN
    points = elbow.shown(before)["trace"]
    missing = [at for at, angle, _ in points if angle is None]
    assert any(before + 1.1 < at < before + 1.4 for at in missing)
    elbow.stretch(100.0, 2.0)
    elbow.stretch(-100.0, 0.8)
    assert elbow.shown()["gauge"]["verdict"] == "in band", "the next one is judged"


def test_a_repetition_seen_from_its_middle_is_not_judged() -> None:
    """The axis is known only once the joint has moved: the peak may have been before."""
    elbow = Elbow(LiveMovement(GROUP, origin_s=0.0))
    elbow.movement.ask(VelocityClass.V3)
    elbow.stretch(-100.0, 4.0)
    gauge = elbow.shown()["gauge"]
    assert (gauge["words"], gauge["number"], gauge["peak_deg_s"]) == (AXIS_FOUND, 0, None)


def test_nothing_old_is_shown_as_now(elbow: Elbow) -> None:
    assert elbow.shown()["angle_deg"] is not None
    late = elbow.movement.shown(-1.0, elbow.at_s + 1.0)
    assert late["angle_deg"] is None
    assert late["velocity_deg_s"] is None
    assert late["why_not"]


def test_the_trace_is_told_once(elbow: Elbow) -> None:
    every = elbow.shown()["trace"]
    assert every[-1][0] - every[0][0] <= 12.0
    assert elbow.shown(every[-1][0])["trace"] == []
    middle = every[len(every) // 2][0]
    assert [one[0] for one in elbow.shown(middle)["trace"]] == [one[0] for one in every if one[0] > middle]
    json.dumps(elbow.shown(), allow_nan=False)


def test_a_calibration_says_what_it_improved_and_keeps_the_direction(elbow: Elbow) -> None:
    with pytest.raises(DashboardError, match="no calibration was begun"):
        elbow.movement.finish_calibration()
    elbow.movement.begin_calibration()
    with pytest.raises(DashboardError, match="sent nothing"):
        elbow.movement.finish_calibration()
    elbow.movement.begin_calibration()
    for _ in range(2):
        elbow.to_and_fro(3.0, 3.0)
    found = elbow.movement.finish_calibration()
    assert found.axis_sd_deg < found.axis_sd_first_deg + 1e-9
    assert elbow.shown()["calibrated"]
    elbow.stretch(-100.0, 1.0)
    assert elbow.movement.shown(-1.0, elbow.at_s)["angle_deg"] == pytest.approx(-100.0, abs=2.0)
    elbow.movement.set_angle(20.0)
    elbow.stretch(100.0, 1.0)
    shown = elbow.shown()
    assert shown["zeroed"]
    assert shown["angle_deg"] == pytest.approx(120.0, abs=2.0)


def test_the_angle_cannot_be_set_before_the_axis_is_known() -> None:
    movement = LiveMovement(GROUP, origin_s=0.0)
    with pytest.raises(SensorError, match="cannot be set yet"):
        movement.set_angle(90.0)
    assert movement.shown(-1.0, 0.0)["why_not"] == "waiting for the sensors"


@pytest.mark.parametrize("asked", list(VelocityClass))
def test_a_smooth_stretch_in_the_beat_reaches_the_band(asked: VelocityClass) -> None:
    at = np.linspace(0, stretch_period_s(asked, 110.0), 20_001)
    peak = np.max(np.gradient(110.0 * smooth(at, 0.0, at[-1]), at))
    assert peak == pytest.approx(target_velocity_deg_s(asked), rel=1e-3)
    bands = PaceParams().stretch
    low, high = {"V1": (0, bands.v1_max_deg_s), "V2": (bands.v1_max_deg_s, bands.v3_min_deg_s)}.get(
        asked.value, (bands.v3_min_deg_s, 1e9)
    )
    assert low < peak < high


def test_the_words_say_what_to_do() -> None:
    done = Repetition(
        start_s=0.0,
        start_deg=120.0,
        peak_s=0.5,
        peak_velocity_deg_s=120.0,
        last_s=1.0,
        last_deg=20.0,
        ended=True,
        velocity=VelocityClass.V2,
        verdict=Verdict.TOO_SLOW,
    )
    assert verdict_words(done, VelocityClass.V3) == "too slow for V3: 120 of 150 °/s, repeat"
    fast = replace(done, verdict=Verdict.TOO_FAST)
    assert verdict_words(fast, VelocityClass.V1) == "too fast for V1: 120 °/s, at most 70, repeat"
    assert verdict_words(replace(done, verdict=Verdict.IN_BAND), VelocityClass.V2) == "V2: 120 °/s, good"
    assert verdict_words(done, None) == "V2: 120 °/s"


@pytest.fixture
def live() -> Iterator[LiveSensors]:
    """Connect to an emulated goniometer."""
    pytest.importorskip("bumble")
    connected = connect_sensors(planning(SensorWish(emulator="goniometer"), GROUP), GROUP, simulated=True)
    yield connected
    connected.close()


def until(met: Callable[[], bool], seconds: float = 40.0) -> bool:
    end = time.monotonic() + seconds
    while not met() and time.monotonic() < end:
        time.sleep(0.05)
    return met()


def test_sensors_are_shown_recorded_and_nothing_before_counts_as_lost(live: LiveSensors, tmp_path: Path) -> None:
    time.sleep(1.5)  # what streams while nobody records is forgotten
    live.start(tmp_path / "exam", HEADER)
    with pytest.raises(DashboardError, match="recorded already"):
        live.lend()
    assert until(lambda: live.board(-1.0)["angle_deg"] is not None), "the patient moves, and the angle is there"
    board = live.board(-1.0)
    (unit,) = board["units"]
    assert (unit["state"], unit["clock"], unit["roles"]) == ("streaming", "two-way", "proximal, distal, force")
    assert unit["loss"].startswith("0 of ")
    recorded = live.stop()
    assert recorded.sensors is not None
    assert recorded.sensors.lost == 0, "what came before the recording is not lost"
    folder = read_folder(recorded.folder)
    assert folder.simulated
    assert {entry.file.name for entry in folder.streams} == {
        "imu_proximal.parquet",
        "imu_distal.parquet",
        "force.parquet",
    }
    assert until(lambda: live.state is LiveState.ENDED)
    with pytest.raises(DashboardError, match="connect them again"):
        live.start(tmp_path / "again", HEADER)


def test_the_video_begins_with_its_first_saved_frame_not_with_the_first_that_was_seen(tmp_path: Path) -> None:
    """A page looks through the camera long before it records: the sensors' clock needs when the recording began."""
    told: list[float] = []
    with Camera("test-pattern", CameraParams(width=160, height=120, rate_hz=30.0), clock=time.perf_counter) as camera:
        last_seen = [next(iter(camera)).time_s for _ in range(20)][-1]
        record_video(camera, tmp_path / "video.mp4", stop=lambda time_s: time_s > 0.3, began=told.append)
        assert last_seen > camera.began_s + 0.5
    (began,) = told
    assert began == pytest.approx(last_seen + 1 / 30, abs=0.01)


def test_sensors_that_nobody_looks_at_are_let_go() -> None:
    pytest.importorskip("bumble")
    params = LiveSensorsParams(unseen_s=0.5)
    connected = connect_sensors(planning(SensorWish(emulator="goniometer"), GROUP), GROUP, params=params)
    assert until(lambda: connected.state is LiveState.ENDED)
    assert "nobody looked" in connected.fault


def asked_of_the_server(link: str) -> Response:
    """Let the server's own route answer a link."""
    parts = urlsplit(link)
    scope = {
        "type": "http",
        "path_params": {"board_id": parts.path.rsplit("/", 1)[1]},
        "query_string": parts.query.encode(),
        "headers": [],
    }
    (route,) = [one for one in build_routes() if one.path.startswith(BOARD_ROUTE)]
    answer: Response = asyncio.run(route.endpoint(Request(scope)))
    return answer


def test_the_server_answers_only_to_a_ticket(live: LiveSensors) -> None:
    good = board_link(live.id)
    answer = asked_of_the_server(good)
    assert answer.status_code == http.client.OK
    assert json.loads(bytes(answer.body))["state"] == "watching"
    assert answer.headers["cache-control"] == "private, no-store"
    assert asked_of_the_server(f"/live-sensors/{live.id}?ticket=1.2").status_code == http.client.FORBIDDEN
    assert asked_of_the_server(board_link("unknown")).status_code == http.client.NOT_FOUND
    assert asked_of_the_server(good + "&after=soon").status_code == http.client.BAD_REQUEST


def test_roles_are_chosen_checked_and_remembered(home: Path) -> None:
    pytest.importorskip("bumble")
    found = scan(2.0, emulator="goniometer")
    (unit_id,) = {one.info.unit_id for one in found if one.info is not None}
    assert channels_for(Role.DISTAL, found) == ((unit_id, Channel.IMU_A), (unit_id, Channel.IMU_B))
    swapped = {Role.PROXIMAL: (unit_id, Channel.IMU_B), Role.DISTAL: (unit_id, Channel.IMU_A)}
    home.mkdir()
    wish = wish_for(home, found, swapped, None)
    assert {(one.role, one.channel) for one in wish.choices} == {
        (Role.PROXIMAL, Channel.IMU_B),
        (Role.DISTAL, Channel.IMU_A),
    }
    known = known_roles(home, found)
    assert {role: known[role] for role in swapped} == swapped
    force = {**swapped, Role.FORCE: (unit_id, Channel.FORCE)}
    for roles, complaint in (
        ({Role.PROXIMAL: swapped[Role.PROXIMAL]}, "choose both"),
        ({**swapped, Role.DISTAL: swapped[Role.PROXIMAL]}, "two roles"),
        (force, "lever is missing"),
    ):
        with pytest.raises(DashboardError, match=complaint):
            wish_for(home, found, roles, None)
    assert wish_for(home, found, force, 0.2).lever_m == pytest.approx(0.2)


def test_virtual_and_real_patients_are_kept_apart(store: Store) -> None:
    store.save_patient(Subject(code="P001"))
    with pytest.raises(DashboardError, match="choose another code"):
        check_simulated("P001", store.patients(), simulated=True)
    check_simulated("P001", store.patients(), simulated=False)
    check_simulated("V001", store.patients(), simulated=True)
