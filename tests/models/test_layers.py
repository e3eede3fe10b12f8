"""Augmentation that gradients pass through."""

import torch

from atelier.models.layers import diff_augment


def test_translation_moves_whole_pixels_and_fills_with_zero() -> None:
    torch.manual_seed(0)
    images = torch.arange(1.0, 257.0).reshape(1, 1, 16, 16).expand(64, 1, 16, 16)
    moved = diff_augment(images, "translation")
    assert set(moved.unique().tolist()) <= {0.0, *images.unique().tolist()}
    # pixel (8, 8) shows where each image went: at most an eighth of the side, in both directions
    values = moved[:, 0, 8, 8].long() - 1
    rows, columns = values // 16 - 8, values % 16 - 8
    assert set(rows.tolist()) == set(columns.tolist()) == {-2, -1, 0, 1, 2}


def test_colour_changes_rgb_images_alone() -> None:
    torch.manual_seed(0)
    grey, colour = torch.full((8, 1, 16, 16), 0.5), torch.full((8, 3, 16, 16), 0.5)
    assert set(diff_augment(grey, "color, translation").unique().tolist()) <= {0.0, 0.5}
    assert len(diff_augment(colour, "color, translation")[:, :, 8, 8].unique()) > 4


def test_gradients_pass() -> None:
    images = torch.zeros(4, 3, 16, 16, requires_grad=True)
    diff_augment(images, "color, translation").sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_none_is_the_images_themselves() -> None:
    images = torch.zeros(2, 3, 16, 16)
    assert diff_augment(images, "none") is images
