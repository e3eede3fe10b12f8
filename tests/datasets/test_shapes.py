"""Shapes: what is said of a picture is what its pixels show."""

import numpy as np
import pytest

from atelier.datasets.base import splits_of
from atelier.datasets.catalog import open_dataset
from atelier.datasets.shapes import BACKGROUNDS, COLOURS, RADII, SHAPES, Scene

SIDE = 64


@pytest.fixture(scope="module")
def dataset():
    return open_dataset("shapes", {"count": 150, "seed": 3})


@pytest.fixture(scope="module", params=range(0, 150, 3))
def example(request, dataset):
    """A picture, its item, and its attributes by name."""
    item = dataset.items[request.param]
    return dataset.draw(request.param, SIDE), item, dict(zip(dataset.attribute_names, item.attributes, strict=True))


def the_one(names, values):
    (name,) = (name for name in names if values[name] == 1)
    assert all(values[other] == 0 for other in names if other != name)
    return name


def test_the_pixels_are_as_the_attributes_say(example, dataset):
    picture, item, values = example
    shape = the_one(SHAPES, values)
    colour = COLOURS[the_one(COLOURS, values)]
    background = BACKGROUNDS[the_one([f"{name} background" for name in BACKGROUNDS], values).removesuffix(" background")]
    assert dataset.class_names[item.label] == shape

    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    assert np.abs(edge.astype(int) - background).max() <= 1, "the whole shape is in the frame"
    assert tuple(picture[int(values["y"] * SIDE), int(values["x"] * SIDE)]) == colour

    radius = RADII[0] + values["size"] * (RADII[1] - RADII[0])
    corners = SHAPES[shape] * radius + (values["x"], values["y"])
    rows, columns = (np.flatnonzero((picture.astype(int) != background).any(axis=(axis, 2))) for axis in (1, 0))
    seen = np.array([(columns[0], rows[0]), (columns[-1] + 1, rows[-1] + 1)]) / SIDE
    assert np.abs(seen - (corners.min(axis=0), corners.max(axis=0))).max() < 1.5 / SIDE


def test_the_captions_are_as_the_attributes_say(example):
    _, item, values = example
    shape, colour = the_one(SHAPES, values), the_one(COLOURS, values)
    background = the_one([f"{name} background" for name in BACKGROUNDS], values)
    assert all(f"{colour} {shape}" in caption for caption in item.captions)
    assert item.captions[0].endswith(f", on a {background}")
    assert ("left" in item.captions[0]) == (values["x"] < 0.43)
    assert ("right" in item.captions[0]) == (values["x"] > 0.57)
    assert ("top" in item.captions[0]) == (values["y"] < 0.43)
    assert ("bottom" in item.captions[0]) == (values["y"] > 0.57)
    assert ("small" in item.captions[0]) == (values["size"] < 1 / 3)
    assert ("large" in item.captions[0]) == (values["size"] >= 2 / 3)


def test_a_caption_in_full():
    scene = Scene("circle", "orange", "white", radius=0.35, x=0.4, y=0.5)
    assert scene.captions()[:2] == ("a large orange circle on the left, on a white background", "an orange circle on the left")


def test_the_area_is_antialiased(dataset):
    """Coverage adds up: at 16 pixels the disc's area is that of the true circle."""
    index = next(i for i, item in enumerate(dataset.items) if dataset.class_names[item.label] == "circle")
    picture, values = (
        dataset.draw(index, 16).astype(float),
        dict(zip(dataset.attribute_names, dataset.items[index].attributes, strict=True)),
    )
    colour, background = (np.array(kinds[the_one(names, values)]) for kinds, names in ((COLOURS, COLOURS),)), picture[0, 0]
    covered = (np.abs(picture - background).sum(axis=2) / np.abs(next(colour) - background).sum()).sum() / 16**2
    radius = RADII[0] + values["size"] * (RADII[1] - RADII[0])
    assert covered == pytest.approx(np.pi * radius**2, rel=0.03)


def test_the_seed_decides():
    def captions(**options):
        return [item.captions[0] for item in open_dataset("shapes", options).items]

    assert captions(count=50) == captions(count=50, seed=0) == captions(count=500)[:50]
    assert captions(count=50) != captions(count=50, seed=1)
    assert captions(count=1) == ["a small yellow star at the bottom right, on a white background"], (
        "other systems and later versions draw the same"
    )


@pytest.mark.parametrize("options", [{"count": 0}, {"count": 100_001}, {"seed": -1}])
def test_options_are_bounded(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        open_dataset("shapes", options)


def test_pairs_that_are_held_out_are_in_no_picture_to_train_on():
    plain, held = open_dataset("shapes", {"count": 2000}), open_dataset("shapes", {"count": 2000, "hold_out": "pairs"})
    shapes, colours = held.attribute_names[:8], held.attribute_names[8:16]

    def pair(item):
        return next(n for n, v in zip(shapes, item.attributes, strict=False) if v), next(
            n for n, v in zip(colours, item.attributes[8:], strict=False) if v
        )

    splits = splits_of(held.items)
    kept = {pair(item) for item, split in zip(held.items, splits, strict=True) if split == 0}
    out = {pair(item) for item in held.items} - kept
    assert len(out) == 16
    assert len(kept) == 48
    assert all(sum(pair_[place] == name for pair_ in out) == 2 for place, names in enumerate((shapes, colours)) for name in names)
    assert [item.attributes for item in held.items] == [item.attributes for item in plain.items]
