"""Calibrations as OpenCV writes them and as a person does; in a file of their own and inside recording.json."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from capture.lens import Lens
from records.copying import content_sha256, copy_recording
from records.errors import RecordError
from records.folder import read_folder
from records.lens_file import read_lens

MATRIX = [[500.5, 0.0, 320.0], [0.0, 501.25, 240.0], [0.0, 0.0, 1.0]]
BENT = [-0.28, 0.08, 0.001, -0.0005, 0.0]
LENS = Lens(
    camera_matrix=((500.5, 0.0, 320.0), (0.0, 501.25, 240.0), (0.0, 0.0, 1.0)),
    distortion=tuple(BENT),
    width_px=640,
    height_px=480,
)
PLAIN = {"camera_matrix": MATRIX, "distortion_coefficients": BENT, "image_width": 640, "image_height": 480}


@pytest.mark.parametrize("ending", ["json", "yml", "xml"])
def test_what_opencv_wrote_is_read(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"lens.{ending}"
    storage = cv2.FileStorage(str(file), cv2.FILE_STORAGE_WRITE)
    for name, value in PLAIN.items():
        storage.write(name, np.array(value) if isinstance(value, list) else value)
    storage.release()
    assert read_lens(file) == LENS


def test_plain_json_may_say_the_size_and_the_tilt(tmp_path: Path) -> None:
    file = tmp_path / "lens.json"
    file.write_text(
        json.dumps({"camera_matrix": MATRIX, "dist_coeffs": [BENT], "image_size": [640, 480], "roll_deg": 3})
    )
    found = read_lens(file)
    assert (found.distortion, found.width_px, found.roll_deg) == (LENS.distortion, 640, 3.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "JSON"),
        ("[]", "calibration"),
        (json.dumps({**PLAIN, "camera_matrix": [[1, 2], [3, 4]]}), "3 x 3"),
        (json.dumps({**PLAIN, "camera_matrix": {"data": None}}), "camera_matrix"),
        (json.dumps({**PLAIN, "distortion_coefficients": ["a"] * 5}), "expected numbers; got a"),
        (json.dumps({**PLAIN, "distortion_coefficients": [1e400] * 5}), "expected numbers"),
        (json.dumps({"camera_matrix": MATRIX, "distortion_coefficients": BENT}), "image_width"),
        (json.dumps({**PLAIN, "yaw_deg": 89}), "yaw"),
    ],
)
def test_what_is_no_calibration_is_refused_with_the_files_name(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "lens.json"
    file.write_text(text)
    with pytest.raises(RecordError, match=message) as refused:
        read_lens(file)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize("content", ["%YAML:1.0\n---\nfruit: apple\n", "not: [yaml", ""])
def test_yaml_that_is_no_calibration_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "lens.yml"
    file.write_text(content)
    with pytest.raises(RecordError, match="camera_matrix"):
        read_lens(file)


def exam(folder: Path, lens: object) -> Path:
    folder.mkdir()
    (folder / "clip.mp4").write_bytes(b"frames")
    (folder / "lens.json").write_text(json.dumps(PLAIN))
    said = {
        "format": "catchangle-recording",
        "version": 1,
        "muscle_group": "elbow_flexors",
        "side": "left",
        "test": "passive_stretch",
        "subject": {"code": "P001"},
        "streams": [{"kind": "video", "file": "clip.mp4", "lens": lens}],
    }
    (folder / "recording.json").write_text(json.dumps(said))
    return folder


@pytest.mark.parametrize("lens", ["lens.json", PLAIN])
def test_a_recording_names_the_lens_or_holds_it_and_keeps_it_when_it_is_copied(tmp_path: Path, lens: object) -> None:
    first = read_folder(exam(tmp_path / "exam", lens))
    assert first.streams[0].lens == LENS
    (tmp_path / "kept").mkdir()
    copy_recording(first, tmp_path / "kept", first.subject)
    second = read_folder(tmp_path / "kept")
    assert second.streams[0].lens == LENS
    assert content_sha256(second) == content_sha256(first)


@pytest.mark.parametrize(("lens", "message"), [("../lens.json", "outside"), ("none.json", "not there"), (7, "lens")])
def test_a_lens_that_is_not_there_is_refused(tmp_path: Path, lens: object, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        read_folder(exam(tmp_path / "exam", lens))
