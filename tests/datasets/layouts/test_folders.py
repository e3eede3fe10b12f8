"""One folder a class."""

import pytest

from atelier.datasets.layouts.folders import Folders


def read(root):
    return Folders().read(root)


def test_classes_are_named_as_their_folders(root, put):
    put(root, "Zebra/1.png", "a dog/2.png", "a dog/deep/er/3.png", "empty/README.txt: x")
    listing = read(root)
    assert listing.class_names == ("Zebra", "a dog")
    assert [(entry.path, entry.item.label) for entry in listing.entries] == [
        ("Zebra/1.png", 0),
        ("a dog/2.png", 1),
        ("a dog/deep/er/3.png", 1),
    ]
    assert {entry.item.split for entry in listing.entries} == {None}


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "valid", "Testing"), ("train", "validation", "eval")])
def test_splits_above_the_classes(names, root, put):
    """A class may be missing in a split, and a split may have pictures of no class, as those of contests have."""
    put(root, *(f"{name}/{kind}/1.png" for name in names for kind in ("cat", "dog")))
    put(root, f"{names[0]}/emu/1.png", f"{names[2]}/1.png")
    listing = read(root)
    assert listing.class_names == ("cat", "dog", "emu")
    assert {(entry.path, entry.item.label, entry.item.split) for entry in listing.entries} == {
        *(
            (f"{name}/{kind}/1.png", label, split)
            for name, split in zip(names, ("train", "val", "test"), strict=True)
            for label, kind in enumerate(("cat", "dog"))
        ),
        (f"{names[0]}/emu/1.png", 2, "train"),
    }
    assert [(one.path, one.reason) for one in listing.skipped] == [(f"{names[2]}/1.png", "it lies in the folder of no class")]


def test_a_class_may_be_called_test(root, put):
    put(root, "test/1.png", "cat/1.png")
    listing = read(root)
    assert listing.class_names == ("cat", "test")
    assert {entry.item.split for entry in listing.entries} == {None}


def test_one_class_is_none(root, put):
    put(root, "train/cat/1.png", "test/cat/2.png")
    with pytest.raises(ValueError, match="expected at least two folders with pictures"):
        read(root)
