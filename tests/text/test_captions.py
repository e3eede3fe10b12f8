"""What is said of pictures, whether they have captions, classes or attributes."""

from pathlib import Path

import numpy as np
import pytest

from atelier.datasets.cache import PreparedDataset
from atelier.text.captions import captions_of, source_of, templates_of


def dataset(folder: Path, captions: str, *, classes: tuple[str, ...] = (), attributes: tuple[str, ...] = ()) -> PreparedDataset:
    (folder / "captions.json").write_text(captions)
    return PreparedDataset(
        images=np.zeros((2, 8, 8, 3), np.uint8),
        labels=np.array([1, 0]),
        attributes=np.array([[1.0] * len(attributes), [0.0] * len(attributes)], np.float32),
        splits=np.zeros(2, np.uint8),
        class_names=classes,
        attribute_names=attributes,
        mirrorable=True,
        fingerprint="",
        folder=folder,
    )


def test_captions_come_first(tmp_path: Path) -> None:
    data = dataset(tmp_path, '[["a cat", "an animal"], []]', classes=("cat", "dog"))
    assert captions_of(data) == [("a cat", "an animal"), ("",)]
    assert source_of(True, data.class_names, ()) == "captions"
    assert templates_of("captions") == ()


def test_classes_stand_in_templates(tmp_path: Path) -> None:
    data = dataset(tmp_path, "[[], []]", classes=("black_cat", "dog"), attributes=("young",))
    assert captions_of(data) == [
        ("a photo of a dog", "a picture of a dog", "dog"),
        ("a photo of a black cat", "a picture of a black cat", "black cat"),
    ]
    assert source_of(False, data.class_names, data.attribute_names) == "classes"


def test_attributes_are_listed_a_few_at_a_time(tmp_path: Path) -> None:
    data = dataset(tmp_path, "[[], []]", attributes=("Wearing_Hat", "Smiling", "Young", "Bald", "Male", "Pale", "Blurry", "Chubby"))
    first, second = captions_of(data)
    assert first[0] == "a picture with wearing hat, smiling, young, bald, male and pale"
    assert first[2:] == ("a picture with blurry and chubby", "blurry and chubby")
    assert second == ("a picture",)
    assert source_of(False, ("only",), data.attribute_names) == "attributes"


def test_where_nothing_is_said_there_is_nothing_to_learn(tmp_path: Path) -> None:
    assert source_of(False, ("only",), ()) is None
    with pytest.raises(ValueError, match="neither captions nor classes nor attributes"):
        captions_of(dataset(tmp_path, "[[], []]", classes=("only",)))
