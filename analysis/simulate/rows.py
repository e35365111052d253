"""Constants of a batch of trials, laid out so that one array operation serves all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.limb import HEALTHY_LIMB, HealthyLimbParams, Limb, healthy_scale, limb_of
from analysis.model import FloatArray, Subject
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.simulate.patient import ReflexLaw, VirtualPatient
from analysis.simulate.trial import DynamicsParams, Trial, lever_m

__all__ = ["PassiveTissue", "Rows"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PassiveTissue:
    """Passive stiffness, damping and end of range of the trials of a batch, or of one patient."""

    k_p: FloatArray
    b_p: FloatArray
    end_rate: FloatArray
    end_onset: FloatArray
    end_torque: FloatArray

    @classmethod
    def of(
        cls, patients: Sequence[VirtualPatient], limbs: Sequence[Limb], *, healthy: HealthyLimbParams = HEALTHY_LIMB
    ) -> "PassiveTissue":
        """Lay out the tissue of patients with their limbs."""
        elbow_rad = np.radians(MUSCLES[MuscleGroup.ELBOW_FLEXORS].healthy_range_deg)
        range_rad = np.radians([patient.muscle.healthy_range_deg for patient in patients])
        rom_rad = np.radians([patient.rom_deg for patient in patients])
        return cls(
            k_p=np.array([patient.k_p_Nm_per_rad for patient in patients]),
            b_p=np.array([patient.b_p_Nms_per_rad for patient in patients]),
            end_rate=healthy.end_rate_per_rad * elbow_rad / range_rad,
            end_onset=rom_rad - healthy.end_approach_fraction * range_rad,
            end_torque=healthy.end_torque_Nm * np.array([healthy_scale(limb) for limb in limbs]),
        )

    def torque(self, position: FloatArray, velocity: FloatArray, exponent_max: float) -> FloatArray:
        """Compute elastic, viscous and end-of-range torque of one patient in a movement."""
        torque: FloatArray = np.maximum(position, 0.0)
        torque *= self.k_p
        torque += self.b_p * velocity
        past = np.flatnonzero(position > self.end_onset)  # most of the time, the limb is far from there
        exponent = self.end_rate * (position[past] - self.end_onset)
        torque[past] += self.end_torque * np.expm1(np.minimum(exponent, exponent_max))
        return torque


class Rows:
    """Constants of all trials of a batch, one entry of each vector a trial."""

    def __init__(self, trials: Sequence[Trial], params: DynamicsParams, healthy: HealthyLimbParams) -> None:
        patients = [trial.patient for trial in trials]
        limbs = [trial.limb for trial in trials]
        torque_scale = np.array([healthy_scale(limb) for limb in limbs])
        range_rad = np.radians([patient.muscle.healthy_range_deg for patient in patients])
        self._inertial(limbs, patients)
        self.tissue = PassiveTissue.of(patients, limbs, healthy=healthy)
        self._reflex(trials, params, range_rad)
        self._activation(patients, params)
        self._examiner(trials, limbs, torque_scale)

    def _inertial(self, limbs: list[Limb], patients: list[VirtualPatient]) -> None:
        self.inertia = np.array([limb.inertia_kg_m2 for limb in limbs])
        in_plane = np.cos(np.radians([patient.posture.plane_tilt_deg for patient in patients]))
        self.weight_Nm = np.array([limb.gravity_moment_Nm for limb in limbs]) * in_plane
        self.tilt_rad = np.radians([patient.posture.tilt_start_deg for patient in patients])

    def _reflex(self, trials: Sequence[Trial], params: DynamicsParams, range_rad: FloatArray) -> None:
        gains = [_reflex_gains(trial, params, span) for trial, span in zip(trials, range_rad, strict=True)]
        columns = np.array(gains, dtype=np.float64).T
        self.threshold, self.mu, k_r, self.k_v, self.b_r, self.a_r, self.g_v, self.onset_velocity = columns
        self.any_force = bool((self.a_r > 0).any())
        self.any_velocity = bool((self.g_v > 0).any())
        tonic = np.array([trial.patient.tonic_fraction for trial in trials])
        self.tonic_velocity = params.tonic_velocity_rad_s
        self.k_r_tonic = k_r * tonic
        self.k_r_phasic = k_r * (1.0 - tonic)
        shifts_deg = [trial.patient.lambda0_deg + trial.movement.threshold_shift_deg for trial in trials]
        self.clonus_threshold = np.radians(shifts_deg)

    def _activation(self, patients: list[VirtualPatient], params: DynamicsParams) -> None:
        self.delay = np.array([max(1, round(patient.delay_s / params.step_s)) for patient in patients])
        self.rise = params.step_s / np.array([patient.rise_s for patient in patients])
        self.fall = params.step_s / np.array([patient.fall_s for patient in patients])
        self.clasp_Nm = np.array([patient.clasp_Nm for patient in patients])
        self.clasp_depth = np.array([patient.clasp_depth for patient in patients])
        clonus = [patient.clonus for patient in patients]
        self.clonus_Nm = np.array([0.0 if c is None else c.amplitude_Nm for c in clonus])
        self.clonus_rad_s = 2 * np.pi * np.array([1.0 if c is None else c.frequency_hz for c in clonus])
        self.clonus_decay_s = np.array([1.0 if c is None else c.decay_s for c in clonus])

    def _examiner(self, trials: Sequence[Trial], limbs: list[Limb], torque_scale: FloatArray) -> None:
        reference = limb_of(MuscleGroup.ELBOW_FLEXORS, Subject(code="reference")).inertia_kg_m2
        firmness = np.maximum(torque_scale, np.sqrt(torque_scale * self.inertia / reference))
        self.k_e = firmness * np.array([trial.examiner.stiffness_Nm_per_rad for trial in trials])
        steadiness = np.maximum(firmness, np.sqrt(firmness * self.inertia / reference))
        self.b_e = steadiness * np.array([trial.examiner.damping_Nms_per_rad for trial in trials])
        levers_m = [lever_m(limb.muscle_group, limb) for limb in limbs]
        self.hand = np.array([trial.examiner.hand_kg for trial in trials]) * np.square(levers_m)
        self.mobility = 1.0 / (self.inertia + self.hand)
        self.feel = np.array([trial.examiner.feel for trial in trials])
        self.limit_Nm = np.array(
            [
                trial.examiner.end_feel_Nm * scale if trial.movement.is_slow else trial.examiner.strength_N * lever
                for trial, lever, scale in zip(trials, levers_m, torque_scale, strict=True)
            ]
        )


def _reflex_gains(trial: Trial, params: DynamicsParams, range_rad: float) -> tuple[float, ...]:
    """Express a reflex law in the common terms: threshold, mu, k_r, k_v, b_r, a_r, g_v, threshold velocity."""
    patient = trial.patient
    threshold = float(np.radians(patient.lambda0_deg + trial.movement.threshold_shift_deg))
    k_r, k_v, b_r = patient.k_r_Nm_per_rad, patient.k_v_Nms_per_rad2, patient.b_r_Nms_per_rad
    mu_s = patient.sensitivity_s or 0.0
    match patient.law:
        case ReflexLaw.LENGTH_VELOCITY:
            return threshold, mu_s, k_r, k_v, b_r, 0.0, 0.0, np.inf
        case ReflexLaw.FORCE:
            return threshold, mu_s, k_r, 0.0, b_r, b_r * mu_s, 0.0, np.inf
        case ReflexLaw.VELOCITY:
            onset = (threshold - params.velocity_law_onset * range_rad) / max(patient.mu_s, params.step_s)
            gain = k_r * patient.mu_s + b_r
            return np.inf, 0.0, 0.0, 0.0, 0.0, 0.0, gain, max(onset, params.velocity_law_floor_rad_s)
