"""Colours by their names, counted, and exchanged in a picture and in what is said of it."""

import numpy as np
import pytest

from atelier.datasets.hues import HUES, colours, prevailing, recoloured

LOTS = np.linspace(0, 1, 12, endpoint=False) + 1 / 24
RED, BLUE = (230, 20, 20), (30, 90, 255)


def square(colour):
    """On white, with a black edge."""
    picture = np.full((16, 16, 3), 255, np.uint8)
    picture[3:13, 3:13] = 0
    picture[4:12, 4:12] = colour
    return picture


def test_colours_are_counted_by_how_much_there_is_of_them():
    picture = np.full((10, 10, 3), 255, np.uint8)
    assert colours(picture) == {}
    picture[:4], picture[4:6] = (30, 90, 255), (255, 0, 0)
    amounts = colours(picture)
    assert amounts.keys() == {"blue", "red"}
    assert amounts["blue"] / amounts["red"] == pytest.approx(2 * 225 / 255, rel=0.01)  # by the difference of their channels


def test_a_picture_and_its_caption_get_another_colour_together():
    said = set()
    for lot in LOTS:
        picture, caption = recoloured(square(RED), ["an apple", "a red apple, a fruit"], lot)
        colour = prevailing(picture)
        assert caption == f"{'an' if colour == 'orange' else 'a'} {colour} apple, a fruit"
        assert (picture[:3] == 255).all()
        assert (picture[3, 3:13] == 0).all()
        said.add(colour)
    assert said == set(HUES) - {"red"}


def test_any_of_the_captions_that_fit_is_taken():
    captions = ["two blue cars", "blue", "cars"]
    made = [recoloured(square(BLUE), captions, lot) for lot in LOTS]
    assert {caption for _, caption in filter(None, made)} >= {"two red cars", "red"}


@pytest.mark.parametrize("captions", [["an apple"], ["a blue apple"], ["a red apple and a green one"], ["a redwood"], []])
def test_what_no_caption_tells_rightly_stays(captions):
    assert recoloured(square(RED), captions, 0.5) is None


def test_what_no_turn_makes_another_colour_stays():
    picture = square(RED)
    picture[4:12, 8:12] = BLUE  # as much of another
    assert all(recoloured(picture, ["a red flag"], lot) is None for lot in LOTS)
    assert recoloured(square((110, 20, 20)), ["a red brick"], 0.0) is None  # a dark orange is called brown
