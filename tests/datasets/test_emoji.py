"""OpenMoji: which emoji, how they are drawn, what is said of them."""

import re

import numpy as np
import pytest
from PIL import ImageFont, features

from atelier.datasets import emoji
from atelier.datasets.cache import prepare
from atelier.datasets.catalog import open_dataset

DEFAULT = emoji.CATEGORIES[:7]
joined = pytest.mark.skipif(not features.check("raqm"), reason="Pillow cannot join characters: the system has no FriBiDi")


@pytest.fixture(scope="module")
def dataset():
    return open_dataset("emoji", {})


@pytest.fixture(scope="module")
def pictures(dataset, tmp_path_factory):
    return prepare(dataset, 64, tmp_path_factory.mktemp("datasets")).images


def index_of(dataset, caption):
    (index,) = (index for index, item in enumerate(dataset.items) if item.captions[0] == caption)
    return index


def ink(picture):
    """Left, top, right, bottom of what is not white."""
    rows, columns = (np.flatnonzero((picture < 200).any(axis=(axis, 2))) for axis in (1, 0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def test_flags_and_symbols_are_left_out(dataset):
    assert dataset.class_names == DEFAULT
    assert not {"Symbols", "Flags", "Component"} & set(dataset.class_names)
    assert 1100 < len(dataset) < 1450


@pytest.mark.parametrize(
    ("caption", "category"), [("an otter", "Animals & Nature"), ("a pizza", "Food & Drink"), ("grapes", "Food & Drink")]
)
def test_the_class_is_the_category(dataset, caption, category):
    assert dataset.class_names[dataset.items[index_of(dataset, caption)].label] == category


def test_chosen_categories_are_the_classes_whatever_their_order():
    one, other = (open_dataset("emoji", {"categories": chosen}) for chosen in (["Flags", "Objects", "Flags"], ["Objects", "Flags"]))
    assert one.class_names == other.class_names == ("Objects", "Flags")
    assert one.items == other.items
    assert any("flag" in caption for caption in one.items[-1].captions)


@pytest.mark.parametrize("categories", [[], ["Cats"]])
def test_categories_are_checked(categories):
    with pytest.raises(ValueError, match="categories"):
        open_dataset("emoji", {"categories": categories})


def test_no_two_pictures_are_alike(pictures):
    assert len(np.unique(pictures.reshape(len(pictures), -1), axis=0)) == len(pictures)


def test_nothing_is_cut_off(pictures):
    edge = np.concatenate([pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]], axis=1)
    assert edge.min() > 200, "only the blur of the reduction touches the edge"


def test_the_frame_is_filled(pictures):
    boxes = np.array([ink(picture) for picture in pictures])
    extent = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    assert np.median(extent) > 0.8 * 64
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    assert np.abs(middle.mean(axis=0) - 32).max() < 1


def test_all_have_one_scale(dataset, pictures):
    faces = ("a grinning face", "an angry face", "a neutral face", "a sleeping face", "a face with open mouth")
    boxes = [ink(pictures[index_of(dataset, face)]) for face in faces]
    assert np.ptp([right - left for left, _, right, _ in boxes[:3]]) == 0
    assert np.ptp([bottom for *_, bottom in boxes]) <= 1, "what is added above a face does not move it"


@joined
def test_skin_tones_share_the_concept_of_their_base():
    base, toned = (open_dataset("emoji", {"categories": ["People & Body"], "skin_tones": on}) for on in (False, True))
    assert len(toned) > 3 * len(base)
    waving = [item for item in toned.items if item.concept == "wave"]
    assert [item.captions[0] for item in waving] == ["a waving hand"] + [
        f"a waving hand, {tone} skin tone" for tone in ("light", "medium-light", "medium", "medium-dark", "dark")
    ]
    assert len({item.concept for item in base.items}) == len(base)
    assert {item.concept for item in toned.items} >= {item.concept for item in base.items}


@pytest.mark.parametrize(
    ("name", "coloured"),
    [
        ("a beating heart", "a red beating heart"),
        ("a pig face", "a pink pig face"),
        ("a bear", "a brown bear"),
        ("a baguette bread", "an orange baguette bread"),
        ("a red apple", None),  # says so already
        ("a printer", None),  # black and grey
        ("goggles", None),  # "a green goggles" would be no English
    ],
)
def test_a_caption_names_the_colour_that_prevails(dataset, name, coloured):
    captions = dataset.items[index_of(dataset, name)].captions
    found = [
        caption
        for caption in captions
        if re.search(r"\b(red|orange|yellow|green|blue|purple|pink|brown) ", caption) and caption != captions[0]
    ]
    assert [caption for caption in found if "," not in caption and "emoji" not in caption] == ([coloured] if coloured else [])


def test_captions_say_the_name_in_several_ways(dataset):
    assert all(len(item.captions) > 1 for item in dataset.items)
    captions = dataset.items[index_of(dataset, "a camel")].captions
    assert captions == (
        "a camel",
        "a camel, dromedary camel, animal, mammal",
        "an emoji of a camel",
        "a dromedary camel",
        "an orange camel",
    )
    assert not [caption for item in dataset.items for caption in item.captions if "_" in caption or ":" in caption]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("grape", "a grape"),
        ("otter", "an otter"),
        ("unicorn", "a unicorn"),
        ("hourglass done", "an hourglass done"),
        ("grapes", "grapes"),
        ("octopus", "an octopus"),
        ("face with rolling eyes", "a face with rolling eyes"),
        ("people hugging", "people hugging"),
    ],
)
def test_articles(name, sentence):
    assert emoji._with_article(name) == sentence


@joined
def test_characters_that_cannot_be_joined_are_left_out(monkeypatch):
    """As on a system without FriBiDi: Pillow sets the parts of a joined emoji side by side."""
    options = emoji.EmojiOptions(categories=("Smileys & Emotion",))
    complete = emoji._distinct(options)
    assert "❤️‍🔥" in complete

    font = emoji._font
    monkeypatch.setattr(
        emoji, "_font", lambda box: ImageFont.truetype(font(box).path, font(box).size, layout_engine=ImageFont.Layout.BASIC)
    )
    rest = emoji._distinct.__wrapped__(options)
    assert set(rest) == {char for char in complete if "\u200d" not in char}
