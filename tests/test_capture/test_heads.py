"""Heads that are covered: planted paths, landmarks, and the people of the given clips."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from capture.head_search import find_heads
from capture.heads import Head, HeadParams, HeadTracks, head_of_landmarks
from capture.landmarks import POSE_LANDMARKS
from capture.video import VideoReader


def covered(tracks: HeadTracks, time_s: float, x_px: float, y_px: float) -> bool:
    return any(np.hypot(head.x_px - x_px, head.y_px - y_px) < head.radius_px for head in tracks.at(time_s))


@settings(deadline=None)
@given(
    speed_px_s=st.floats(-300.0, 300.0),
    step_s=st.floats(0.08, 0.12),
    missed=st.lists(st.integers(5, 35), max_size=8, unique=True),
)
def test_a_moving_head_stays_covered_between_and_around_its_sightings(
    speed_px_s: float, step_s: float, missed: list[int]
) -> None:
    times_s = [1.0 + step_s * index for index in range(40) if index not in missed]
    tracks = HeadTracks([(t, Head(x_px=500 + speed_px_s * t, y_px=200, radius_px=30)) for t in times_s])
    for time_s in np.arange(times_s[0] - 0.9, times_s[-1] + 0.9, 0.033):
        assert covered(tracks, time_s, 500 + speed_px_s * time_s, 200)


def test_two_people_who_stand_apart_keep_their_own_circles() -> None:
    sightings = [
        (t, Head(x_px=x, y_px=100, radius_px=20)) for t in np.arange(0, 3, 0.1) for x in (100.0, 200.0 - 10 * t)
    ]
    tracks = HeadTracks(sightings)
    for time_s in (0.05, 1.55, 2.85):
        assert len(tracks.at(time_s)) == 2
        assert covered(tracks, time_s, 100, 100)
        assert covered(tracks, time_s, 200 - 10 * time_s, 100)


def test_a_head_is_given_up_some_time_after_it_was_lost() -> None:
    tracks = HeadTracks([(0.0, Head(x_px=0, y_px=0, radius_px=10)), (0.1, Head(x_px=0, y_px=0, radius_px=10))])
    hold_s = HeadParams().hold_s
    assert tracks.at(0.1 + hold_s - 0.01)
    assert not tracks.at(0.1 + hold_s + 0.01)


def test_a_head_seen_before_and_after_a_gap_is_covered_in_it() -> None:
    head = Head(x_px=50, y_px=50, radius_px=10)
    tracks = HeadTracks([(0.0, head), (5.0, replace(head, x_px=55)), (30.0, head)])
    for time_s in np.arange(0.0, 5.9, 0.1):
        assert covered(tracks, time_s, 50 + min(time_s, 5.0), 50)
    assert tracks.at(2.5)[0].radius_px == pytest.approx(10 * (1 + HeadParams().doubt_growth))
    assert not tracks.at(15.0)


def test_a_sighting_that_is_a_little_off_uncovers_nothing() -> None:
    sightings = [(0.5 * k, Head(x_px=50 + (8 if k == 5 else 0), y_px=50, radius_px=10)) for k in range(10)]
    tracks = HeadTracks(sightings)
    for time_s in np.arange(0.0, 4.5, 0.1):
        assert covered(tracks, time_s, 41, 50)


def facial(ear_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw a face in front view with ears so far apart, above a trunk."""
    xy_px = np.full((33, 2), np.nan)
    xy_px[:11] = (100, 50)
    xy_px[POSE_LANDMARKS.index("left_ear")] = (100 + ear_px / 2, 50)
    xy_px[POSE_LANDMARKS.index("right_ear")] = (100 - ear_px / 2, 50)
    confidence = np.where(np.isfinite(xy_px[:, 0]), 0.9, 0.0)
    return xy_px, confidence


def test_the_circle_reaches_well_beyond_the_ears() -> None:
    xy_px, confidence = facial(30.0)
    head = head_of_landmarks(xy_px, confidence, POSE_LANDMARKS)
    assert head is not None
    assert (head.x_px, head.y_px) == pytest.approx((100, 50))
    assert head.radius_px > 1.5 * 15


def test_a_face_seen_from_the_side_is_covered_by_the_trunks_measure() -> None:
    xy_px, confidence = facial(2.0)
    for name, y_px in (("left_shoulder", 100.0), ("left_hip", 300.0)):
        xy_px[POSE_LANDMARKS.index(name)] = (100.0, y_px)
    head = head_of_landmarks(xy_px, confidence, POSE_LANDMARKS)
    assert head is not None
    assert head.radius_px == pytest.approx(HeadParams().trunk_share * 200)


def test_landmarks_that_are_not_trusted_show_no_head() -> None:
    xy_px, confidence = facial(30.0)
    assert head_of_landmarks(xy_px, 0 * confidence, POSE_LANDMARKS) is None


def test_a_head_turned_away_is_covered_beyond_the_shoulders() -> None:
    xy_px, confidence = facial(30.0)
    confidence[:11] = 0.0
    for name, y_px in (("left_shoulder", 100.0), ("left_hip", 300.0)):
        xy_px[POSE_LANDMARKS.index(name)] = (100.0, y_px)
        confidence[POSE_LANDMARKS.index(name)] = 0.9
    head = head_of_landmarks(xy_px, confidence, POSE_LANDMARKS)
    assert head is not None
    for y_px in (15.0, 95.0):  # crown and neck, a head of 0.23 m over a trunk of 0.5 m
        assert np.hypot(head.x_px - 100, head.y_px - y_px) < head.radius_px


# Middles of the faces of examiner and patient, read by hand off the first frame; both hardly move.
FACES = {
    "elbow_a": [(253, 27), (350, 105)],
    "elbow_b": [(388, 24), (278, 108)],
    "knee_a": [(230, 102), (519, 225)],
    "knee_b": [(398, 104), (113, 222)],
}


@pytest.mark.shared_data
@pytest.mark.slow
@pytest.mark.parametrize("clip", sorted(FACES))
def test_examiner_and_patient_are_covered_in_every_frame(shared_data: Path, clip: str) -> None:
    video = shared_data / "clips" / f"{clip}.mp4"
    tracks = find_heads(video)
    with VideoReader(video) as reader:
        for frame in reader.frames():
            for x_px, y_px in FACES[clip]:
                assert covered(tracks, frame.time_s, x_px, y_px), f"{frame.time_s:.2f} s"


@pytest.mark.shared_data
def test_the_head_of_a_lying_person_is_found_and_an_empty_film_has_none(shared_data: Path, tmp_path: Path) -> None:
    (photograph,) = (shared_data / "images").glob("*.jpg")
    with Image.open(photograph) as image:
        upright = np.array(image.convert("RGB"))
    upright = upright[: upright.shape[0] // 2 * 2, : upright.shape[1] // 2 * 2]
    for name, rgb in (("lying", np.rot90(upright)), ("empty", np.full_like(upright, 128))):
        video = tmp_path / f"{name}.mp4"
        with av.open(str(video), "w") as container:
            stream = container.add_stream("libx264", rate=2)
            stream.width, stream.height, stream.pix_fmt = rgb.shape[1], rgb.shape[0], "yuv420p"
            for _ in range(2):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")))
            container.mux(stream.encode())
        heads = find_heads(video)
        if name == "empty":
            assert heads.at(0.0) == []
        else:
            assert covered(heads, 0.0, 74, upright.shape[1] - 371)
