"""Handwritten digits: all of them, with their right labels."""

import numpy as np
import pytest

from atelier.datasets.catalog import open_dataset
from atelier.datasets.digits import WORDS


@pytest.fixture(scope="module")
def dataset():
    return open_dataset("digits", {})


def test_there_are_500_of_each(dataset):
    assert dataset.class_names == WORDS
    assert np.bincount([item.label for item in dataset.items]).tolist() == [500] * 10


def test_they_are_white_on_black_in_one_channel(dataset):
    pictures = np.stack([dataset.draw(index, 32) for index in range(0, 5000, 50)])
    assert pictures.shape == (100, 32, 32, 1)
    assert pictures.max() == 255
    assert np.median(pictures) == 0
    assert pictures[:, [0, 0, -1, -1], [0, -1, 0, -1]].max() == 0


def test_the_labels_are_right(dataset):
    """The nearest class mean is a poor reader, and yet far better than chance."""
    pictures = np.stack([dataset.draw(index, 16).ravel() for index in range(0, 5000, 5)]).astype(np.float32)
    labels = np.array([item.label for item in dataset.items[::5]])
    means = np.stack([pictures[::2][labels[::2] == digit].mean(axis=0) for digit in range(10)])
    read = np.linalg.norm(pictures[1::2, None] - means, axis=2).argmin(axis=1)
    assert (read == labels[1::2]).mean() > 0.7
    assert WORDS[means.mean(axis=1).argmin()] == "one", "the least ink"
    assert WORDS[means.reshape(10, 16, 16)[:, 8, 8].argmin()] == "zero", "a hole in the middle"


def test_captions_name_the_digit(dataset):
    seven = dataset.items[3600]
    assert seven.captions[0] == "a handwritten seven"
    for item in dataset.items[::100]:
        assert all(WORDS[item.label] in caption or str(item.label) in caption for caption in item.captions)
