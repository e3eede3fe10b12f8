"""Pictures and nothing else."""

import pytest

from atelier.datasets.layouts.base import locate
from atelier.datasets.layouts.flat import Flat


def read(root):
    return Flat().read(root)


def test_a_folder_of_numbered_faces(published, root):
    listing = read(published["flat"](root))
    assert [entry.path for entry in listing.entries] == ["10001.png", "10002.png", "10010.png"]
    assert (listing.class_names, listing.attribute_names, listing.skipped) == ((), (), ())


def test_faces_in_a_folder_of_the_archive(root, put):
    put(root, "anime-faces/data/1.png", "anime-faces/data/2.png")
    home, cls = locate(root, None)
    assert cls is Flat
    assert [entry.path for entry in cls().read(home).entries] == ["1.png", "2.png"]


def test_splits_without_classes(root, put):
    put(root, "train/1.png", "train/a/2.png", "val/3.png", "test/4.png")
    assert [(entry.path, entry.item.split) for entry in read(root).entries] == [
        ("test/4.png", "test"),
        ("train/1.png", "train"),
        ("train/a/2.png", "train"),
        ("val/3.png", "val"),
    ]


def test_class_folders_can_be_read_as_pictures_alone(root, put):
    put(root, "cat/1.png", "dog/2.png", "3.png")
    listing = read(root)
    assert len(listing.entries) == 3
    assert listing.class_names == ()


def test_no_pictures(root, put):
    put(root, "a.txt: x")
    with pytest.raises(ValueError, match=r"there are no pictures in brought: it holds 1 \.txt"):
        read(root)
