"""The moving limb: trials of many virtual patients integrated side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from analysis.limb import HEALTHY_LIMB, HealthyLimbParams
from analysis.model import FloatArray
from analysis.simulate.hand import Hands
from analysis.simulate.reflex import Clonuses, Reflexes
from analysis.simulate.rows import Rows
from analysis.simulate.trial import DYNAMICS, DynamicsParams, Motion, Trial

__all__ = ["integrate"]

Steps = NDArray[np.float64]
"""Values of all trials over some steps, shape (steps, trials)."""


def integrate(
    trials: Sequence[Trial], *, params: DynamicsParams = DYNAMICS, healthy: HealthyLimbParams = HEALTHY_LIMB
) -> Iterator[Motion]:
    """Integrate trials side by side with a fixed step, semi-implicit Euler.

    Parameters
    ----------
    trials
        Movements of any patients. What a step costs is shared by all trials that still last, so that many together are
        cheap.
    params, healthy
        Constants of the model.

    Returns
    -------
    iterator of Motion
        One for each trial, from its start to its end; the same whichever trials it is integrated with.
    """
    counts = np.array([round(trial.movement.total_s / params.step_s) for trial in trials])
    order = np.argsort(-counts, kind="stable")  # the longest first, so that those that still last are the first rows
    sorted_trials = [trials[i] for i in order]
    rows = Rows(sorted_trials, params, healthy)
    block = min(params.block_steps, int(rows.delay.min()))
    settle = max(1, round(params.settle_s / params.step_s))
    batch = _Batch(sorted_trials, rows, block, params)
    needed = settle + counts[order] + 1
    record = _Record(needed + block)
    for first in range(0, int(needed[0]), block):
        record.keep(first, *batch.advance(first, int(np.searchsorted(-needed, -first))))
    rows_of_trials = np.argsort(order)
    return (
        record.motion(int(row), settle, int(count), params.step_s)
        for row, count in zip(rows_of_trials, counts, strict=True)
    )


class _Record:
    """What is kept of all steps, a row each trial: all else follows from it.

    Semi-implicit Euler moves the position by the new velocity, so that velocities are its differences. Torques need no
    more than single precision. Trials of similar length share a table, so that short ones take little room.
    """

    _TABLES = 4

    def __init__(self, steps: NDArray[np.int64]) -> None:
        self._firsts = sorted({steps.size * table // self._TABLES for table in range(self._TABLES)})
        sizes = np.diff([*self._firsts, steps.size])
        shapes = [(int(size), int(steps[first])) for first, size in zip(self._firsts, sizes, strict=True)]
        self._position = [np.empty(shape) for shape in shapes]
        self._reflex, self._drive = ([np.empty(shape, dtype=np.float32) for shape in shapes] for _ in range(2))

    def keep(self, first: int, position: Steps, reflex: Steps, drive: Steps) -> None:
        """Keep position, reflex torque and drive of the first trials over some steps."""
        steps, lasting = position.shape
        for number, row in enumerate(self._firsts):
            if row < lasting:
                rows = slice(row, row + self._position[number].shape[0])
                kept = slice(min(rows.stop, lasting) - row), slice(first, first + steps)
                self._position[number][kept] = position[:, rows].T
                self._reflex[number][kept] = reflex[:, rows].T
                self._drive[number][kept] = drive[:, rows].T

    def motion(self, row: int, first: int, count: int, step_s: float) -> Motion:
        """Take out one trial."""
        number = int(np.searchsorted(self._firsts, row, side="right")) - 1
        within, when = row - self._firsts[number], slice(first, first + count)
        position = self._position[number][within, first - 1 : first + count + 1]
        velocity = np.diff(position) / step_s
        return Motion(
            position_rad=position[1:-1],
            velocity_rad_s=velocity[:-1],
            acceleration_rad_s2=np.diff(velocity) / step_s,
            reflex_Nm=self._reflex[number][within, when].astype(np.float64),
            drive_Nm=self._drive[number][within, when].astype(np.float64),
        )


class _Batch:
    """Trials on their way: their state, and what drives them in the next steps.

    Reflexes answer to what was a delay ago, hands to time alone. Both are worked out for a block of steps at once, no
    longer than the shortest delay; only what depends on the present state is computed step by step.
    """

    def __init__(self, trials: Sequence[Trial], rows: Rows, block: int, params: DynamicsParams) -> None:
        size = len(trials)
        self._rows, self._params, self._steps = rows, params, block
        self._hands = Hands(trials, params)
        self._limb = _Limb(rows, params)
        rest_rad = self._resting()
        self._position, self._velocity, self._reflex = (np.zeros((block + 1, size)) for _ in range(3))
        self._position[-1] = rest_rad
        self._uninhibited = np.ones(size)
        self._reflexes = Reflexes(rows, rest_rad, params)
        self._clonuses = Clonuses(rows, rest_rad, params)

    def advance(self, first_step: int, lasting: int) -> tuple[Steps, Steps, Steps]:
        """Take the first trials through one block; return position, reflex torque and drive at its steps."""
        for state in (self._position, self._velocity, self._reflex):
            state[0, :lasting] = state[-1, :lasting]
        block = self._block(first_step, lasting)
        self._limb.step_through(block)
        self._reflexes.sense(block.position[:-1], block.velocity)
        self._clonuses.sense(block.position[:-1], block.reflex[:-1], first_step)
        np.divide(block.pulling, self._limb.scale[:lasting], out=block.pulling)
        return block.position[:-1], block.pulling, block.drive

    def _block(self, first_step: int, lasting: int) -> "_Block":
        """Work out what is known of the next steps: the drive, the hands' pull, what they carry, and the tilt."""
        rows, params, scale = self._rows, self._params, self._limb.scale[:lasting]
        drive = self._reflexes.drive(self._steps, lasting)
        steps = np.arange(first_step, first_step + self._steps, dtype=np.float64)
        intended = self._hands.intend(steps * params.step_s - params.settle_s, lasting)
        pull = intended.acceleration_rad_s2
        pull *= scale * rows.feel[:lasting] * (rows.inertia + rows.hand)[:lasting]
        pull += (scale * rows.k_e[:lasting]) * intended.position_rad
        pull += (scale * rows.b_e[:lasting]) * intended.velocity_rad_s
        carried = intended.position_rad
        carried += rows.tilt_rad[:lasting]
        carried = np.sin(carried, dtype=np.float32, casting="same_kind").astype(np.float64)  # enough for a hand
        carried *= scale * (rows.feel * rows.weight_Nm)[:lasting]
        carried += self._limb.end_torque[:lasting]
        tilt = intended.proximal_rad
        tilt += rows.tilt_rad[:lasting]
        return _Block(
            position=self._position[:, :lasting],
            velocity=self._velocity[:, :lasting],
            reflex=self._reflex[:, :lasting],
            uninhibited=self._uninhibited[:lasting],
            drive=drive,
            bursts=self._clonuses.bursts(first_step, self._steps, lasting),
            pulling=np.empty_like(drive),
            pull=pull,
            carried=carried,
            tilt=tilt,
        )

    def _resting(self) -> FloatArray:
        """Work out where each limb rests at first, held by the hand and by its own stiffness."""
        rows, held = self._rows, self._hands.held_rad
        weight = -rows.weight_Nm * np.sin(rows.tilt_rad + held)
        sag_Nm = (1.0 - rows.feel) * weight - rows.tissue.k_p * np.maximum(held, 0.0)
        rest_rad: FloatArray = held + sag_Nm / (rows.k_e + rows.tissue.k_p)
        return rest_rad


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    """Some steps of the trials that still last.

    Attributes
    ----------
    position, velocity, reflex
        The state at each step and after the last one, shape (steps + 1, trials).
    uninhibited
        The share of the drive that the clasp-knife reflex lets through now.
    drive, bursts, pulling
        Drive of the stretch reflexes, which is inhibited while stepping; that of the clonus, if there is any; torque of
        the active muscle (all others are of shape (steps, trials)).
    pull, carried, tilt
        Torque of the hand at position and velocity 0, what it carries, and the segment's rotation at position 0.
    """

    position: Steps
    velocity: Steps
    reflex: Steps
    uninhibited: FloatArray
    drive: Steps
    bursts: Steps | None
    pulling: Steps
    pull: Steps
    carried: Steps
    tilt: Steps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Constants:
    """What the equation of motion needs of each trial."""

    k_e: FloatArray
    b_e: FloatArray
    strongest: FloatArray
    weakest: FloatArray
    weight: FloatArray
    k_p: FloatArray
    b_p: FloatArray
    end_rate: FloatArray
    end_shift: FloatArray
    end_low: FloatArray
    end_high: FloatArray
    slackening: FloatArray
    scale: FloatArray
    clasp_Nm: FloatArray
    inhibited: FloatArray
    rise: FloatArray
    fall: FloatArray
    faster: FloatArray

    def first(self, rows: int) -> "_Constants":
        """Keep the first trials."""
        return _Constants(**{f.name: getattr(self, f.name)[:rows] for f in fields(self)})


class _Limb:
    """The equation of motion, with torques in units of the velocity that they change in one step.

    The end of range is an exponential less a constant; that constant (`end_torque`) is left to whoever works out what
    does not depend on the state. Arrays are made before and written into, as this is where the time goes.
    """

    def __init__(self, rows: Rows, params: DynamicsParams) -> None:
        self.scale: FloatArray = rows.mobility * params.step_s
        self.end_torque: FloatArray = self.scale * rows.tissue.end_torque
        self._all = self._of = self._constants(rows, params)
        self._step_s, self._inhibition_rate = params.step_s, params.step_s / params.clasp_s
        self._falls_faster = bool((rows.fall > rows.rise).any())
        self._spares = np.empty((4, self.scale.size))
        self._single = np.empty((2, self.scale.size), dtype=np.float32)
        self._above = np.empty(self.scale.size, dtype=bool)

    def step_through(self, block: _Block) -> None:
        """Step through one block."""
        size = block.uninhibited.size
        self._of = self._all.first(size)
        torque, spare, *_ = self._spares[:, :size]
        curved, single = self._spares[2:, :size], self._single[:, :size]
        above = self._above[:size]
        for j in range(block.drive.shape[0]):
            x, v, reflex = block.position[j], block.velocity[j], block.reflex[j]
            self._hold(block, j, torque, spare)
            self._resist(x, v, torque, spare)
            self._curve(block.tilt[j], x, torque, curved, single)
            self._contract(v, reflex, block.pulling[j], torque)
            after = block.velocity[j + 1]
            np.add(v, torque, out=after)
            np.multiply(after, self._step_s, out=spare)
            np.add(x, spare, out=block.position[j + 1])
            self._inhibit(block, j, above, spare)
            self._activate(block, j, torque, spare)

    def _hold(self, block: _Block, j: int, torque: FloatArray, spare: FloatArray) -> None:
        """Compute the hand's torque, as far as strength allows, and what it carries."""
        of, x = self._of, block.position[j]
        np.multiply(x, of.k_e, out=spare)
        np.subtract(block.pull[j], spare, out=torque)
        np.multiply(block.velocity[j], of.b_e, out=spare)
        np.subtract(torque, spare, out=torque)
        np.maximum(torque, of.weakest, out=torque)
        np.minimum(torque, of.strongest, out=torque)
        np.add(torque, block.carried[j], out=torque)

    def _resist(self, x: FloatArray, v: FloatArray, torque: FloatArray, spare: FloatArray) -> None:
        """Take off the passive tissue's torque within the range."""
        of = self._of
        np.maximum(x, 0.0, out=spare)
        np.multiply(spare, of.k_p, out=spare)
        np.subtract(torque, spare, out=torque)
        np.multiply(v, of.b_p, out=spare)
        np.subtract(torque, spare, out=torque)

    def _curve(
        self, tilt: FloatArray, x: FloatArray, torque: FloatArray, curved: Steps, single: NDArray[np.float32]
    ) -> None:
        """Take off gravity's torque and that at the end of range.

        Sine and exponential are those of single precision, which take a fraction of the time and err by a ten-millionth
        of the torque.
        """
        of, (angle, exponent) = self._of, curved
        np.add(tilt, x, out=angle)
        np.multiply(x, of.end_rate, out=exponent)
        np.add(exponent, of.end_shift, out=exponent)
        np.maximum(exponent, of.end_low, out=exponent)
        np.minimum(exponent, of.end_high, out=exponent)
        np.copyto(single, curved, casting="same_kind")
        np.sin(single[0], out=single[0])
        np.exp(single[1], out=single[1])
        np.copyto(curved, single)
        np.multiply(angle, of.weight, out=angle)
        np.subtract(torque, angle, out=torque)
        np.subtract(torque, exponent, out=torque)

    def _contract(self, v: FloatArray, reflex: FloatArray, pulling: FloatArray, torque: FloatArray) -> None:
        """Take off the active muscle's torque, which a quickly shortening one loses."""
        of = self._of
        np.multiply(v, of.slackening, out=pulling)
        np.add(pulling, of.scale, out=pulling)
        np.maximum(pulling, 0.0, out=pulling)
        np.minimum(pulling, of.scale, out=pulling)
        np.multiply(pulling, reflex, out=pulling)
        np.subtract(torque, pulling, out=torque)

    def _inhibit(self, block: _Block, j: int, above: NDArray[np.bool_], spare: FloatArray) -> None:
        """Inhibit the drive of a muscle that pulls strongly (clasp-knife), and add the clonus."""
        of, drive, uninhibited = self._of, block.drive[j], block.uninhibited
        np.multiply(drive, uninhibited, out=drive)
        if block.bursts is not None:
            np.add(drive, block.bursts[j], out=drive)
        np.greater(block.reflex[j], of.clasp_Nm, out=above)
        np.multiply(above, of.inhibited, out=spare)
        np.multiply(uninhibited, 1.0 - self._inhibition_rate, out=uninhibited)
        np.add(uninhibited, self._inhibition_rate, out=uninhibited)
        np.subtract(uninhibited, spare, out=uninhibited)

    def _activate(self, block: _Block, j: int, change: FloatArray, spare: FloatArray) -> None:
        """Let the muscle's activation follow the drive, faster or slower upwards than downwards."""
        of = self._of
        np.subtract(block.drive[j], block.reflex[j], out=change)
        np.multiply(change, of.fall, out=spare)
        np.multiply(change, of.rise, out=change)
        np.maximum(change, spare, out=change)  # the faster one upwards, the slower one downwards
        if self._falls_faster:
            np.multiply(change, of.faster, out=change)
        np.add(block.reflex[j], change, out=block.reflex[j + 1])

    def _constants(self, rows: Rows, params: DynamicsParams) -> _Constants:
        scale, tissue, lowest = self.scale, rows.tissue, np.log(self.end_torque)
        faster = np.where(rows.rise >= rows.fall, 1.0, -1.0)  # -1 turns the larger of two into the smaller of two
        return _Constants(
            k_e=scale * rows.k_e,
            b_e=scale * rows.b_e,
            strongest=scale * rows.limit_Nm,
            weakest=-scale * rows.limit_Nm,
            weight=scale * rows.weight_Nm,
            k_p=scale * tissue.k_p,
            b_p=scale * tissue.b_p,
            end_rate=tissue.end_rate,
            end_shift=lowest - tissue.end_rate * tissue.end_onset,
            end_low=lowest,
            end_high=lowest + params.end_exponent_max,
            slackening=scale / params.slackening_rad_s,
            scale=scale,
            clasp_Nm=rows.clasp_Nm,
            inhibited=params.step_s / params.clasp_s * rows.clasp_depth,
            rise=faster * rows.rise,
            fall=faster * rows.fall,
            faster=faster,
        )
