"""Colours that are kept."""

import numpy as np
import torch
from tests.styletransfer.conftest import picture

from atelier.styletransfer.colour import luminance, match_luminance, recoloured, transfer
from atelier.styletransfer.pictures import to_pixels


def chroma(pixels: np.ndarray) -> np.ndarray:
    wide = pixels.astype(int)
    return np.stack([wide[..., 0] - wide[..., 1], wide[..., 2] - wide[..., 1]])


def test_chroma_is_kept_bit_for_bit_whatever_the_luminance() -> None:
    content = to_pixels(picture(0))
    light = np.random.default_rng(0).uniform(-100, 400, content.shape[:2])
    drawn = recoloured(content, light)
    assert np.array_equal(chroma(drawn), chroma(content))
    assert not np.array_equal(drawn, content)


def test_where_there_is_room_the_luminance_is_the_one_that_was_asked_for() -> None:
    content = to_pixels(picture(1) * 0.3)
    light = np.full(content.shape[:2], 128.0)
    assert abs(recoloured(content, light) @ np.array([0.299, 0.587, 0.114]) - 128).max() <= 0.51


def test_luminance_of_grey_is_itself() -> None:
    assert torch.allclose(luminance(torch.full((1, 3, 2, 2), 0.25)), torch.full((1, 1, 2, 2), 0.25))


def test_matched_luminance_has_the_contents_mean_and_deviation() -> None:
    style, content = luminance(picture(2)), luminance(picture(3)) * 0.5
    matched = match_luminance(style, content)
    assert torch.allclose(matched.mean(), content.mean(), atol=1e-6)
    assert torch.allclose(matched.std(), content.std(), atol=1e-6)


def test_a_transfer_gives_the_contents_mean_and_covariance() -> None:
    style, content = picture(4).double(), picture(5).double() * 0.3 + 0.1
    moved = transfer(style, content)
    for found, wanted in ((moved.flatten(2)[0], content.flatten(2)[0]),):
        assert torch.allclose(found.mean(dim=1), wanted.mean(dim=1), atol=1e-4)
        assert torch.allclose(torch.cov(found), torch.cov(wanted), atol=1e-4)
    assert torch.allclose(transfer(content, content), content, atol=1e-6)


def test_a_grey_style_can_be_transferred_as_well() -> None:
    grey = luminance(picture(6)).expand(-1, 3, -1, -1)
    assert transfer(grey, picture(7)).isfinite().all()
