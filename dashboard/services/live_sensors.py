"""Sensors that a page looks at: connected, shown live, and recorded alone or beside the camera."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any

from analysis.errors import CatchangleError
from analysis.muscles import MuscleGroup
from dashboard.errors import DashboardError
from dashboard.services.live_board import open_live_board
from dashboard.services.live_movement import LiveMovement
from dashboard.services.live_shots import LiveState
from dashboard.services.recording import Recorded, record_exam
from dashboard.services.sensor_session import SensorPlan, SensorSession
from records.live_folder import LiveHeader
from sensors.live_joint import LiveJoint
from sensors.packets import Role
from sensors.roles import ChannelKey
from sensors.streaming import UnitStatus

__all__ = ["LiveSensors", "LiveSensorsParams", "connect_sensors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSensorsParams:
    """How a page looks at sensors; chosen by us.

    Attributes
    ----------
    early_s
        A recording begins so long before it was started, s.
    unseen_s
        Sensors that nobody looked at in so long are let go, s; a recording goes on.
    units_s
        What is known of the units is gathered anew so often, s.
    longest_s
        A recording ends after so long, s.
    look_s
        How often it is looked whether there is something to do, s.
    patience_s
        Longest time that is waited for a recording to be completed, s.
    """

    early_s: float = 1.0
    unseen_s: float = 60.0
    units_s: float = 0.25
    longest_s: float = 900.0
    look_s: float = 0.2
    patience_s: float = 60.0


class LiveSensors:
    """Sensors of one exam, streaming in the background; each connection makes one recording.

    Parameters
    ----------
    plan
        Which sensors.
    muscle_group
        What is tested.
    simulated
        Whether the patient is a virtual one.
    params
        How it is done.

    Raises
    ------
    CatchangleError
        If a sensor is not found, refuses, or does not begin to stream in time.
    """

    def __init__(
        self,
        plan: SensorPlan,
        muscle_group: MuscleGroup,
        *,
        simulated: bool = False,
        params: LiveSensorsParams = LiveSensorsParams(),
    ) -> None:
        self.id = token_hex(8)
        self.muscle_group = muscle_group
        self.simulated = simulated
        self._plan = replace(plan, early_s=params.early_s)
        self._params = params
        self._origin_s = time.perf_counter()
        self.movement = LiveMovement(muscle_group, origin_s=self._origin_s)
        self._roles: dict[ChannelKey, Role] | None = None
        self._joint = LiveJoint(self._role_of, self.movement)
        self.session = SensorSession(self._plan, watch=self._joint)
        self._asked_s = time.monotonic()
        self._units: tuple[float, list[dict[str, Any]]] = (-math.inf, [])
        self._state = LiveState.WATCHING
        self._began_s = 0.0
        self._stop, self._closed = threading.Event(), threading.Event()
        self._settled = threading.Event()
        self._outcome: Recorded | str = ""
        self.fault = ""
        self.session.__enter__()
        try:
            self._roles = {key: role for role, key in self.session.roles().items()}
            self._need_a_role()
        except BaseException:
            self.session.__exit__(None, None, None)
            raise
        self._keeper = threading.Thread(target=self._keep, name="live-sensors", daemon=True)
        self._keeper.start()

    @property
    def state(self) -> LiveState:
        """What the sensors are doing."""
        return self._state

    @property
    def recorded_s(self) -> float:
        """Length of the recording so far, 0 while none runs."""
        return time.perf_counter() - self._began_s if self._state is LiveState.RECORDING else 0.0

    def board(self, after_s: float) -> dict[str, Any]:
        """Return what a page shows now; of the trace what came after a time from the connection, s."""
        self._asked_s = time.monotonic()
        now_s = time.perf_counter() - self._origin_s
        return {
            "state": self._state.value,
            "recorded_s": round(self.recorded_s, 1),
            "fault": self.fault or self.session.fault,
            "units": self._unit_rows(),
            **self.movement.shown(after_s, now_s),
        }

    def begin_calibration(self) -> None:
        """Keep what comes for a calibration; a virtual patient begins to move."""
        self.movement.begin_calibration()
        self._plan.begin()

    @property
    def calibrating(self) -> bool:
        """Whether a calibration was begun."""
        return self.movement.calibrating

    def finish_calibration(self) -> str:
        """End a calibration, and say what it improved.

        Raises
        ------
        CatchangleError
            If there was too little movement; all goes on as before.
        """
        found = self.movement.finish_calibration()
        return (
            f"The axis is known to ±{found.axis_sd_deg:.1f}°; a quarter of this movement alone gave "
            f"±{found.axis_sd_first_deg:.1f}°. The live angle uses it from now on; the recording finds its own axis."
        )

    def start(self, out: Path, header: LiveHeader) -> None:
        """Start to record the sensors alone into a new recording folder.

        Raises
        ------
        DashboardError
            If they were let go, or recorded already.
        """
        self.lend()
        threading.Thread(target=self._record, args=(out, header), name="record-sensors", daemon=True).start()

    def lend(self) -> SensorSession:
        """Give the session to who records it beside a camera; `returned` says that it is done.

        Raises
        ------
        DashboardError
            If the sensors were let go, or are recorded already.
        """
        if self._state is not LiveState.WATCHING:
            raise DashboardError(self.fault or "these sensors were recorded already: connect them again")
        self._began_s = time.perf_counter()
        self._state = LiveState.RECORDING
        return self.session

    def returned(self) -> None:
        """Let the sensors go after a recording beside a camera."""
        self._state = LiveState.ENDED
        self.close()

    def stop(self) -> Recorded:
        """End the recording of the sensors alone, wait until it is complete, and return it.

        Raises
        ------
        DashboardError
            If nothing was recorded, or the disk refused.
        """
        self._stop.set()
        self._settled.wait(timeout=self._params.patience_s)
        if isinstance(self._outcome, Recorded):
            return self._outcome
        raise DashboardError(self._outcome or self.fault or "nothing was recorded: connect the sensors again")

    def close(self) -> None:
        """Let the sensors go; a recording is completed first."""
        self._stop.set()
        if self._state is LiveState.RECORDING:
            self._settled.wait(timeout=self._params.patience_s)
        self._closed.set()
        if threading.current_thread() is not self._keeper:
            self._keeper.join(timeout=self._params.patience_s)

    def _keep(self) -> None:
        """Hold the connection until it is closed, lost, or nobody looks (in a thread of its own)."""
        while not self._closed.wait(self._params.look_s):
            unseen = time.monotonic() - self._asked_s > self._params.unseen_s
            if self._state is LiveState.WATCHING and (unseen or self.session.fault):
                lost = self.session.fault
                self.fault = lost or "the sensors were let go, for nobody looked: connect them again"
                break
        self.session.__exit__(None, None, None)
        if self._state is LiveState.WATCHING:
            self._state = LiveState.ENDED

    def _record(self, out: Path, header: LiveHeader) -> None:
        try:
            self._outcome = record_exam(out, header, sensors=self.session, stop=self._enough)
        except CatchangleError as error:
            self._outcome = str(error)
        except Exception as error:  # noqa: BLE001 (told to the person who waits for the recording)
            self._outcome = f"the recording failed ({error}); what came until then: `catchangle recover`"
        self._state = LiveState.ENDED
        self._settled.set()
        self._closed.set()

    def _enough(self, time_s: float) -> bool:
        return self._stop.is_set() or time_s >= self._params.longest_s

    def _role_of(self, key: ChannelKey) -> Role | None:
        """Return what a channel is for; while units are still connecting it is looked up anew each time."""
        if self._roles is not None:
            return self._roles.get(key)
        try:
            return {found: role for role, found in self.session.roles().items()}.get(key)
        except (CatchangleError, ValueError):
            return None  # a unit that was named has not said yet what it is

    def _need_a_role(self) -> None:
        if not {Role.PROXIMAL, Role.DISTAL} <= set((self._roles or {}).values()):
            self.fault = "which sensor is proximal and which distal is not known: no angle is shown; name them"

    def _unit_rows(self) -> list[dict[str, Any]]:
        at_s = time.monotonic()
        if at_s - self._units[0] > self._params.units_s:
            roles = self._roles or {}
            self._units = (at_s, [_unit_row(one, roles) for one in self.session.status()])
        return self._units[1]


def _unit_row(one: UnitStatus, roles: dict[ChannelKey, Role]) -> dict[str, Any]:
    """Say what is known of a unit; what is not known is said as such."""
    mine = [role.value for (unit_id, _), role in roles.items() if unit_id == one.unit_id]
    return {
        "name": one.name,
        "roles": ", ".join(mine) or "no role",
        "state": one.state.value,
        "rate": "–" if math.isnan(one.rate_hz) else f"{one.rate_hz:.0f} Hz",
        "battery": "not known" if one.battery_percent is None else f"{one.battery_percent:.0f} %",
        "loss": _loss(one),
        "clock": "–" if one.clock is None else one.clock.value,
        "late": "–" if math.isnan(one.arrival_p99_ms) else f"{one.arrival_p99_ms:.0f} ms",
        "message": one.message,
    }


def _loss(one: UnitStatus) -> str:
    if not one.lost:
        return "not known"
    lost = sum(one.lost.values())
    sent = lost + sum(one.received.get(channel, 0) for channel in one.lost)
    return f"{lost} of {sent}" + (f" ({100 * lost / sent:.1f} %)" if sent else "")


def connect_sensors(
    planning: Callable[[], SensorPlan],
    muscle_group: MuscleGroup,
    *,
    simulated: bool = False,
    params: LiveSensorsParams = LiveSensorsParams(),
) -> LiveSensors:
    """Connect to sensors for a page.

    Raises
    ------
    CatchangleError
        If they cannot be connected to; the message says what to do.
    """
    return open_live_board(lambda: LiveSensors(planning(), muscle_group, simulated=simulated, params=params))
