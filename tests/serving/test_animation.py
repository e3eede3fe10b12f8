"""Frames become moving pictures that hold what they were given, and how it was made."""

import io
import json
import sys

import av
import numpy as np
import pytest
from PIL import Image

from atelier.errors import Invalid
from atelier.serving.animation import Animation, animate
from atelier.serving.images import read_parameters

PARAMETERS = {"model": "tiny", "seeds": [1, 2], "prompt": "a café"}


def frames(count: int = 9, size: tuple[int, int] = (20, 14), mode: str = "RGB") -> list[Image.Image]:
    """A square that wanders over a slope of colours."""
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    made = []
    for index in range(count):
        pixels = np.stack([x * 9, y * 9, np.full_like(x, 20 * index)], axis=-1).astype(np.uint8)
        pixels[2:8, index : index + 6] = (255, 40, 0)
        made.append(Image.fromarray(pixels).convert(mode))
    return made


def shown(file: bytes) -> list[np.ndarray]:
    image = Image.open(io.BytesIO(file))
    pictures = []
    for index in range(image.n_frames):  # type: ignore[attr-defined]
        image.seek(index)
        pictures.append(np.asarray(image.convert("RGB")).astype(int))
    return pictures


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("format", "away"), [("gif", 12.0), ("apng", 0.0), ("webp", 12.0)])
def test_every_frame_is_shown_for_its_time(format: Animation, away: float, mode: str) -> None:
    wanted = frames(mode=mode)
    file = animate(wanted, format, fps=20, parameters=PARAMETERS)
    image = Image.open(io.BytesIO(file))
    pictures = shown(file)
    assert len(pictures) == 9
    for picture, frame in zip(pictures, wanted, strict=True):
        assert np.abs(picture - np.asarray(frame.convert("RGB"))).mean() <= away
    image.seek(1)
    image.load()
    assert image.info["duration"] == 50
    assert image.info["loop"] == 0
    assert json.loads(image.info["comment"]) == PARAMETERS if format == "gif" else read_parameters(image) == PARAMETERS


def test_the_frames_of_a_gif_share_their_colours() -> None:
    file = animate(frames(), "gif", fps=10, parameters={})
    assert len(file) < 9 * 3 * 128, "each frame brings a palette of its own"


@pytest.mark.parametrize(("size", "expected"), [((20, 14), (380, 266)), ((301, 257), (302, 258))])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_video_is_one_that_every_player_reads(size: tuple[int, int], expected: tuple[int, int], mode: str) -> None:
    wanted = frames(size=size, mode=mode)
    with av.open(io.BytesIO(animate(wanted, "mp4", fps=12.5, parameters=PARAMETERS))) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt, stream.average_rate) == ("h264", "yuv420p", 12.5)
        assert (stream.width, stream.height) == expected
        decoded = [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]
        assert json.loads(video.metadata["comment"]) == PARAMETERS
    assert len(decoded) == 9
    factor = expected[0] // size[0]
    for picture, frame in zip(decoded, wanted, strict=True):
        middle = picture[factor // 2 :: factor, factor // 2 :: factor][: size[1], : size[0]]
        assert np.abs(middle.astype(int) - np.asarray(frame.convert("RGB"))).mean() < 16


def test_without_the_encoder_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(Invalid, match=r"pip install 'atelier\[video\]'") as caught:
        animate(frames(), "mp4", fps=10, parameters={})
    assert caught.value.errors[0]["pointer"] == "/format"
    assert len(shown(animate(frames(), "webp", fps=10, parameters={}))) == 9


@pytest.mark.parametrize("format", ["gif", "apng", "webp", "mp4"])
def test_nothing_does_not_move(format: Animation) -> None:
    with pytest.raises(Invalid):
        animate([], format, fps=10, parameters={})
