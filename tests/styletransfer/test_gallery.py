"""The gallery's styles: all paint a picture that fills its square with texture, the same one each time and at each size."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from atelier.styletransfer.gallery import draw, styles

each = pytest.mark.parametrize("name", styles)


@cache
def small(name: str) -> NDArray[np.uint8]:
    return draw(name, 66)


@each
def test_a_style_is_said_and_painted(name: str) -> None:
    style = styles[name]
    assert style.name == name == name.lower()
    assert style.title
    assert style.description.endswith(".")
    assert "\n" not in style.description
    assert small(name).shape == (66, 66, 3)
    assert small(name).dtype == np.uint8


@each
def test_it_is_the_same_picture_each_time(name: str) -> None:
    assert np.array_equal(draw(name, 66), small(name))


@each
def test_it_is_the_same_picture_at_another_size(name: str) -> None:
    """Painted on canvases of 528 and 768 pixels, where the edges of strokes fall on others."""
    here, there = (
        np.asarray(Image.fromarray(pixels).resize((22, 22), Image.Resampling.BOX), float) for pixels in (small(name), draw(name, 384))
    )
    assert np.corrcoef(here.ravel(), there.ravel())[0, 1] > 0.996
    assert abs(here - there).mean() < 2.8


@each
def test_it_is_textured_to_the_edges(name: str) -> None:
    """Every ninth of the picture has light and dark, and differs from pixel to pixel."""
    pixels = small(name).astype(float)
    assert np.ptp(np.quantile(pixels, (0.05, 0.95), axis=(0, 1)), axis=0).min() > 60
    for part in (part for rows in np.split(pixels, 3) for part in np.split(rows, 3, axis=1)):
        assert part.std(axis=(0, 1)).max() > 15
        assert abs(np.diff(part, axis=1)).mean() > 3


def test_no_two_are_alike() -> None:
    for one, other in combinations(styles, 2):
        assert abs(small(one).astype(float) - small(other)).mean() > 25


def test_an_unknown_style_is_refused_by_the_names_of_all() -> None:
    with pytest.raises(ValueError, match="no style 'cubism'") as refused:
        draw("cubism")
    assert all(name in str(refused.value) for name in styles)
