"""The face detector on the given photograph, turned and scaled."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from capture.face import FaceModel


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel()


@pytest.fixture(scope="module")
def skier(shared_data: Path) -> np.ndarray:
    (path,) = (shared_data / "images").glob("*.jpg")
    with Image.open(path) as image:
        return np.array(image.convert("RGB"))


@pytest.mark.shared_data
@pytest.mark.parametrize("scale", [1, 2])
def test_the_one_face_of_a_photograph_is_found_where_it_is(model: FaceModel, skier: np.ndarray, scale: int) -> None:
    faces = model.find(np.ascontiguousarray(skier[::scale, ::scale]))
    assert len(faces) == 1
    assert (faces[0].x_px * scale, faces[0].y_px * scale) == pytest.approx((371, 74), abs=12)
    assert 25 < faces[0].height_px * scale < 70


@pytest.mark.shared_data
def test_a_small_cut_is_scaled_up(model: FaceModel, skier: np.ndarray) -> None:
    cut = np.ascontiguousarray(skier[20:140:2, 310:430:2])
    (face,) = model.find(cut, side_px=160)
    assert (310 + 2 * face.x_px, 20 + 2 * face.y_px) == pytest.approx((371, 74), abs=12)


def test_there_is_no_face_in_an_empty_picture(model: FaceModel) -> None:
    assert model.find(np.full((120, 160, 3), 128, np.uint8)) == []
