"""What other tools call the landmarks that we know."""

import re

from capture.landmarks import POSE_LANDMARKS

__all__ = ["BODY_18", "BODY_25", "BODY_25_OF_OURS", "HAND_21", "our_name"]

BODY_25 = (
    "Nose",
    "Neck",
    "RShoulder",
    "RElbow",
    "RWrist",
    "LShoulder",
    "LElbow",
    "LWrist",
    "MidHip",
    "RHip",
    "RKnee",
    "RAnkle",
    "LHip",
    "LKnee",
    "LAnkle",
    "REye",
    "LEye",
    "REar",
    "LEar",
    "LBigToe",
    "LSmallToe",
    "LHeel",
    "RBigToe",
    "RSmallToe",
    "RHeel",
)
"""OpenPose's default body model (Cao et al. 2021, doi:10.1109/TPAMI.2019.2929257), in its order."""

BODY_18 = (*BODY_25[:8], *BODY_25[9:19])
"""OpenPose's COCO body model: BODY_25 without the middle of the hips and the feet."""

HAND_21 = {5: "index", 17: "pinky", 2: "thumb"}
"""Points of OpenPose's hand model that are landmarks of ours: knuckles of index and little finger, and the thumb's."""

_SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
_PARTS = {
    "shoulder": "shoulder",
    "elbow": "elbow",
    "wrist": "wrist",
    "hip": "hip",
    "knee": "knee",
    "ankle": "ankle",
    "heel": "heel",
    "calc": "heel",
    "bigtoe": "foot_index",
    "toe": "foot_index",
    "foot": "foot_index",
    "footindex": "foot_index",
    "eye": "eye",
    "ear": "ear",
    "index": "index",
    "pinky": "pinky",
    "thumb": "thumb",
}


def our_name(name: str) -> str:
    """Return our name of a landmark that another tool named, or the tool's own where we have none.

    Sides may stand before or after the part, as a word or a letter: ``RKnee``, ``r_knee``, ``right_knee``,
    ``KneeRight``, ``knee_r``, ``rknee`` and ``Right Knee`` are all ``right_knee``.
    """
    lowered = name.strip().lower().replace(" ", "_")
    if lowered in POSE_LANDMARKS:
        return lowered
    words = [word.lower() for word in re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", name)]
    sides = [word for word in words if word in _SIDES]
    part = "".join(word for word in words if word not in _SIDES)
    if len(sides) == 1 and part in _PARTS:
        return f"{_SIDES[sides[0]]}_{_PARTS[part]}"
    if not sides and part[:1] in _SIDES and part[1:] in _PARTS:
        return f"{_SIDES[part[0]]}_{_PARTS[part[1:]]}"
    return "nose" if part == "nose" and not sides else name.strip()


BODY_25_OF_OURS = {name: our_name(name) for name in BODY_25 if our_name(name) in POSE_LANDMARKS}
"""Which landmark of ours stands for which of OpenPose's."""
