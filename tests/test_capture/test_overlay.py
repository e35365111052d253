"""The film for people: drawn on a planted exam, its heads gone, its sound and metadata gone, its times kept."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.finding import Catch, Stretch, StretchFinding, VelocityClass
from analysis.model import JointAngle, Side, Source, Zero
from analysis.muscles import MuscleGroup
from capture.contact_sheet import write_contact_sheet
from capture.drawing import ExamFilm
from capture.errors import VideoError, VideoWriteError
from capture.heads import Head, HeadTracks
from capture.landmarks import LandmarkTracks
from capture.overlay import OverlayLog, write_overlay
from capture.video import VideoReader

WIDTH, HEIGHT, N = 320, 240, 60
TIMES_S = np.array([0.04 * index + 0.011 * (index % 3) for index in range(N)])
FACE = (250, 60)
SHOULDER, ELBOW, FOREARM_PX = (120.0, 60.0), (120.0, 140.0), 70.0
CATCH_S = float(TIMES_S[30])


def flexion_deg(time_s: float) -> float:
    return float(100.0 - 30.0 * time_s)


def wrist(time_s: float) -> tuple[float, float]:
    bent = np.radians(flexion_deg(time_s))
    return ELBOW[0] + FOREARM_PX * np.sin(bent), ELBOW[1] + FOREARM_PX * np.cos(bent)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a film with a finely patterned face, sound, and a name in its metadata."""
    path = tmp_path_factory.mktemp("exam") / "exam.mp4"
    rng = np.random.default_rng(4)
    rgb = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    rgb[FACE[1] - 25 : FACE[1] + 25, FACE[0] - 25 : FACE[0] + 25] = rng.integers(0, 255, (50, 50, 1), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Jane Doe"
        container.metadata["location"] = "+48.1486+017.1077/"
        pictures = container.add_stream("libx264", options={"crf": "10"})
        pictures.width, pictures.height, pictures.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        pictures.time_base = pictures.codec_context.time_base = Fraction(1, 90_000)
        sound = container.add_stream("aac", rate=44_100, layout="mono")
        for time_s in TIMES_S:
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = round(time_s * 90_000), Fraction(1, 90_000)
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode())
        hum = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), format="fltp", layout="mono")
        hum.sample_rate = 44_100
        container.mux(sound.encode(hum))
        container.mux(sound.encode())
    return path


@pytest.fixture(scope="module")
def angle() -> JointAngle:
    return JointAngle(
        time_s=TIMES_S,
        angle_deg=np.array([flexion_deg(t) for t in TIMES_S]),
        sd_deg=np.full(N, 1.0),
        source=Source.VIDEO,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=12.0,
    )


@pytest.fixture(scope="module")
def findings() -> tuple[StretchFinding, ...]:
    stretch = Stretch(
        start_s=0.2,
        peak_s=0.8,
        end_s=2.0,
        start_deg=flexion_deg(0.2),
        end_deg=flexion_deg(2.0),
        peak_velocity_deg_s=30.0,
        velocity=VelocityClass.V3,
    )
    catch = Catch(
        time_s=CATCH_S,
        angle_deg=flexion_deg(CATCH_S),
        stretch_deg=30.0,
        angle_interval95_deg=(60.0, 70.0),
        probability=0.9,
        method="planted",
    )
    return (StretchFinding(stretch=stretch, catch=catch, resistance=None),)


@pytest.fixture(scope="module")
def film(angle: JointAngle, findings: tuple[StretchFinding, ...]) -> ExamFilm:
    names = ("left_shoulder", "left_elbow", "left_wrist")
    return ExamFilm(
        muscle_group=MuscleGroup.ELBOW_FLEXORS,
        side=Side.LEFT,
        angle=angle,
        tracks=LandmarkTracks(
            time_s=TIMES_S,
            names=names,
            xy_px=np.array([[SHOULDER, ELBOW, wrist(t)] for t in TIMES_S]),
            confidence=np.ones((N, 3)),
            width_px=WIDTH,
            height_px=HEIGHT,
        ),
        findings=findings,
    )


@pytest.fixture(scope="module")
def heads() -> HeadTracks:
    return HeadTracks([(t, Head(x_px=FACE[0], y_px=FACE[1], radius_px=38.0)) for t in TIMES_S])


@pytest.fixture(scope="module")
def plain(video: Path, tmp_path_factory: pytest.TempPathFactory, film: ExamFilm) -> tuple[Path, OverlayLog]:
    """Draw the film with its faces."""
    out = tmp_path_factory.mktemp("plain") / "film.mp4"
    return out, write_overlay(video, out, film, heads=None)


@pytest.fixture(scope="module")
def covered(
    video: Path, tmp_path_factory: pytest.TempPathFactory, film: ExamFilm, heads: HeadTracks
) -> tuple[Path, OverlayLog]:
    """Draw the film without its faces."""
    out = tmp_path_factory.mktemp("covered") / "film.mp4"
    return out, write_overlay(video, out, film, heads=heads)


def pictures(path: Path) -> list[np.ndarray]:
    with VideoReader(path) as reader:
        return [frame.rgb() for frame in reader.frames()]


def detail(rgb: np.ndarray) -> float:
    """Return the contrast between neighbouring pixels where the face is."""
    face = rgb[FACE[1] - 20 : FACE[1] + 20, FACE[0] - 20 : FACE[0] + 20].mean(axis=2)
    return float(np.abs(np.diff(face, axis=1)).mean() + np.abs(np.diff(face, axis=0)).mean())


def orange(rgb: np.ndarray) -> np.ndarray:
    red, green, blue = (rgb[..., channel].astype(int) for channel in range(3))
    return (red > 180) & (green > 110) & (green < 210) & (blue < 110)


def red(rgb: np.ndarray) -> int:
    return int(((rgb[..., 0] > 180) & (rgb[..., 1] < 120) & (rgb[..., 2] < 120))[:HEIGHT].sum())


def test_times_are_kept_and_sound_and_metadata_are_gone(covered: tuple[Path, OverlayLog]) -> None:
    out, log = covered
    assert log.n_frames == N
    assert log.warnings == ()
    with av.open(str(out)) as container:
        (stream,) = container.streams
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert not {"title", "location"} & {*container.metadata, *stream.metadata}
        times_s = np.array([frame.time for frame in container.decode(video=0)])
    assert np.abs(times_s - TIMES_S).max() < 1e-3
    assert b"Jane" not in out.read_bytes()
    assert [path.name for path in out.parent.iterdir()] == ["film.mp4"]


def test_heads_lose_their_detail_in_every_frame(video: Path, covered: tuple[Path, OverlayLog]) -> None:
    out, _ = covered
    before = min(detail(rgb) for rgb in pictures(video))
    after = max(detail(rgb) for rgb in pictures(out))
    assert before > 40
    assert after < before / 15


def test_leaving_faces_recognisable_is_a_decision_and_is_said(plain: tuple[Path, OverlayLog]) -> None:
    out, log = plain
    assert min(detail(rgb) for rgb in pictures(out)) > 20
    assert "faces are recognisable" in log.warnings[0]


def test_frames_without_a_head_are_named(video: Path, tmp_path: Path, film: ExamFilm) -> None:
    heads = HeadTracks([(0.0, Head(x_px=FACE[0], y_px=FACE[1], radius_px=38.0))])
    log = write_overlay(video, tmp_path / "film.mp4", film, heads=heads)
    ((first_s, last_s),) = log.uncovered_s
    assert first_s == pytest.approx(1.0, abs=0.06)
    assert last_s == pytest.approx(TIMES_S[-1], abs=1e-3)
    assert "no head was found at 1.0 to 2.4 s" in log.warnings[0]


def test_a_person_without_a_head_is_named(video: Path, tmp_path: Path, film: ExamFilm) -> None:
    sightings = [(t, Head(x_px=FACE[0], y_px=FACE[1], radius_px=38.0)) for t in TIMES_S]
    heads = HeadTracks(sightings, headless_s=[2.0, 0.5, 0.5])
    (warning,) = write_overlay(video, tmp_path / "film.mp4", film, heads=heads).warnings
    assert "without a head at 0.5 s, 2.0 s:" in warning


def test_the_limb_is_drawn_where_it_is(plain: tuple[Path, OverlayLog]) -> None:
    frames = pictures(plain[0])
    for index in (0, 25, 59):
        drawn = orange(frames[index][:HEIGHT])
        x_px, y_px = wrist(TIMES_S[index])
        for share in (0.3, 0.6, 0.9):
            x, y = round(ELBOW[0] + share * (x_px - ELBOW[0])), round(ELBOW[1] + share * (y_px - ELBOW[1]))
            assert drawn[y - 1 : y + 2, x - 1 : x + 2].any(), (index, share)


def test_the_catch_is_marked_when_it_happens_and_not_before(plain: tuple[Path, OverlayLog]) -> None:
    marks = [red(rgb) for rgb in pictures(plain[0])]
    assert max(marks[:29]) < 15  # what the encoder smears
    assert min(marks[31:40]) > 100
    assert max(marks[52:]) < 15


def test_what_was_not_seen_is_said_not_drawn(angle: JointAngle) -> None:
    film = ExamFilm(muscle_group=MuscleGroup.ELBOW_FLEXORS, side=Side.LEFT, angle=angle)
    unseen = film.words(film.moment(TIMES_S[-1] + 10.0))
    assert unseen[0] == "elbow flexion: not seen"
    seen, velocity = film.words(film.moment(TIMES_S[30]))
    assert seen == f"elbow flexion {flexion_deg(CATCH_S):.0f}°"
    assert velocity == "30 °/s along the stretch"


def test_a_film_cut_off_is_said(video: Path, tmp_path: Path, film: ExamFilm) -> None:
    source, out = tmp_path / "cut.mp4", tmp_path / "film.mp4"
    with av.open(str(video)) as whole, av.open(str(source), "w", options={"movflags": "faststart"}) as copy:
        stream = copy.add_stream_from_template(whole.streams.video[0])
        packets = [packet for packet in whole.demux(video=0) if packet.dts is not None]
        second_half = sum(packet.size for packet in packets[N // 2 :])
        for packet in packets:
            packet.stream = stream
            copy.mux(packet)
    source.write_bytes(source.read_bytes()[:-second_half])
    log = write_overlay(source, out, film, heads=None)
    assert any("could be decoded" in warning for warning in log.warnings)
    assert len(pictures(out)) == log.n_frames < N


@pytest.mark.parametrize("write", [write_overlay, write_contact_sheet])
def test_what_cannot_be_written_leaves_nothing(
    write: Callable[..., object], video: Path, tmp_path: Path, film: ExamFilm, findings: tuple[StretchFinding, ...]
) -> None:
    more = (findings,) if write is write_contact_sheet else ()
    with pytest.raises(VideoWriteError, match="cannot be written"):
        write(video, tmp_path / "none" / "film.png", film, *more, heads=None)
    assert not list(tmp_path.iterdir())


def test_a_source_that_is_no_video_leaves_nothing(tmp_path: Path, film: ExamFilm) -> None:
    source = tmp_path / "text.mp4"
    source.write_text("no film")
    with pytest.raises(VideoError, match=r"text\.mp4"):
        write_overlay(source, tmp_path / "film.mp4", film, heads=None)
    assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]


@pytest.mark.parametrize("name", ["sheet.png", "sheet.jpg"])
def test_the_contact_sheet_shows_start_catch_and_end(
    video: Path, tmp_path: Path, film: ExamFilm, findings: tuple[StretchFinding, ...], heads: HeadTracks, name: str
) -> None:
    out = tmp_path / name
    write_contact_sheet(video, out, film, findings, heads=heads)
    with av.open(str(out)) as container:
        sheet = next(container.decode(video=0)).to_ndarray(format="rgb24")
    tile = sheet.shape[1] // 3
    marks = [red(sheet[:, column * tile : (column + 1) * tile]) for column in range(3)]
    assert marks[1] > 100 > 10 * marks[0]  # only the frame at the catch is marked; the strip below shows it in all
    scale = tile / WIDTH
    x, y = round(tile + FACE[0] * scale), round(40 + FACE[1] * scale)
    assert np.abs(np.diff(sheet[y - 15 : y + 15, x - 15 : x + 15].mean(axis=2), axis=1)).mean() < 6


def test_a_contact_sheet_without_stretches_is_refused(video: Path, tmp_path: Path, film: ExamFilm) -> None:
    with pytest.raises(AnalysisError, match="no stretch"):
        write_contact_sheet(video, tmp_path / "sheet.png", film, (), heads=None)


def test_a_contact_sheet_is_a_picture(
    video: Path, tmp_path: Path, film: ExamFilm, findings: tuple[StretchFinding, ...]
) -> None:
    with pytest.raises(VideoWriteError, match=r"\.png or \.jpg"):
        write_contact_sheet(video, tmp_path / "sheet.pdf", film, findings, heads=None)
