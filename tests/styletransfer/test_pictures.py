"""Pictures as people have them, at the edges of the core."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conftest import Pictures

from atelier.datasets.pictures import Unreadable
from atelier.styletransfer.pictures import fitted, from_pixels, read, resize, to_pixels


def test_every_kind_that_people_have_is_read(good: Pictures, tmp_path: Path, put: Callable[[Path, Pictures], Path]) -> None:
    put(tmp_path, good)
    for name in good:
        picture = read(tmp_path / name)
        assert picture.shape[:2] == (1, 3)
        assert sorted(picture.shape[2:]) == [80, 96]
        assert picture.abs().max() <= 1
    upright = read(tmp_path / "rotated.jpg")
    assert upright.shape[2:] == (96, 80)
    grey = read(tmp_path / "grey.png")
    assert torch.equal(grey[:, 0], grey[:, 2])


def test_what_can_not_be_used_is_refused_with_a_reason(bad: Pictures, tmp_path: Path, put: Callable[[Path, Pictures], Path]) -> None:
    put(tmp_path, bad)
    for name in bad:
        with pytest.raises(Unreadable, match=r"."):
            read(tmp_path / name)


def test_a_large_picture_is_reduced_as_it_is_read(good: Pictures, tmp_path: Path, put: Callable[[Path, Pictures], Path]) -> None:
    put(tmp_path, good)
    assert read(tmp_path / "colour.jpg", longest=48).shape == (1, 3, 40, 48)


def test_pixels_come_back_as_they_were() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    assert np.array_equal(to_pixels(from_pixels(pixels)), pixels)
    assert to_pixels(torch.tensor([-9.0, 0, 9]).expand(1, 3, 1, 3)).tolist() == [[[0] * 3, [128] * 3, [255] * 3]]


@pytest.mark.parametrize(
    ("shape", "size", "expected"), [((300, 600), 128, (64, 128)), ((600, 300), 64, (64, 32)), ((10, 160), 64, (32, 512))]
)
def test_a_fitted_picture_keeps_its_shape(shape: tuple[int, int], size: int, expected: tuple[int, int]) -> None:
    assert fitted(torch.empty(1, 3, *shape), size) == expected


def test_resizing_takes_in_every_pixel_and_stays_in_range() -> None:
    lines = torch.zeros(1, 3, 256, 256)
    lines[:, :, ::4] = 1
    assert float(resize(lines, 64, 64)[:, :, 4:-4].std()) < 0.02
    edge = torch.full((1, 3, 16, 16), -1.0)
    edge[..., 8:] = 1
    assert resize(edge, 40, 40).abs().max() == 1
    assert resize(edge, 16, 16) is edge
