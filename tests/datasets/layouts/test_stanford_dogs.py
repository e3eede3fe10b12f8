"""Stanford Dogs."""

import pytest

from atelier.datasets.layouts.base import locate
from atelier.datasets.layouts.stanford_dogs import StanfordDogs


def read(root):
    return StanfordDogs().read(root)


@pytest.mark.parametrize(
    "places", [{}, {"images": "images/Images", "annotations": "annotations/Annotation"}, {"images": "images", "annotations": "annotations"}]
)
def test_all_that_the_set_says(places, published, root):
    published["stanford-dogs"](root, **places)
    assert locate(root, None) == (root, StanfordDogs)
    listing = read(root)
    assert listing.class_names == ("Chihuahua", "Japanese spaniel", "dhole")
    home = places.get("images", "Images")
    assert [entry.path for entry in listing.entries] == [
        f"{home}/n02085620-Chihuahua/n02085620_10074.jpg",
        f"{home}/n02085620-Chihuahua/n02085620_10131.jpg",
        f"{home}/n02085782-Japanese_spaniel/n02085782_1039.jpg",
        f"{home}/n02115913-dhole/n02115913_1010.jpg",
    ]
    assert [entry.item.label for entry in listing.entries] == [0, 0, 1, 2]
    assert [entry.item.split for entry in listing.entries] == ["train", "test", "train", "test"]
    assert {entry.box for entry in listing.entries} == {(25, 10, 251, 488)}, "the largest of two dogs"
    assert listing.skipped == ()


def test_lists_in_a_folder_of_their_own(published, root):
    published["stanford-dogs"](root)
    (root / "lists").mkdir()
    for split in ("train", "test"):
        (root / f"{split}_list.mat").rename(root / "lists" / f"{split}_list.mat")
    assert [entry.item.split for entry in read(root).entries] == ["train", "test", "train", "test"]


def test_only_the_pictures_are_needed(published, root):
    published["stanford-dogs"](root, annotations="elsewhere")
    for split in ("train", "test"):
        (root / f"{split}_list.mat").unlink()
    assert {(entry.box, entry.item.split) for entry in read(root).entries} == {(None, None)}


def test_what_is_missing_or_broken_is_skipped_by_name(published, root, put):
    published["stanford-dogs"](root)
    chihuahua = "n02085620-Chihuahua/n02085620_10074"
    (root / f"Images/{chihuahua}.jpg").unlink()
    (root / "Annotation/n02115913-dhole/n02115913_1010").write_text("<annotation><object>")
    (root / "Annotation/n02085782-Japanese_spaniel/n02085782_1039").unlink()
    put(root, "Images/overview.jpg", "Images/others/1.jpg")
    listing = read(root)
    assert [(entry.item.label, entry.box) for entry in listing.entries] == [(0, (25, 10, 251, 488)), (1, None)]
    assert [(one.path, one.reason) for one in listing.skipped] == [
        ("Images/overview.jpg", "it lies in the folder of no breed"),
        ("Images/n02115913-dhole/n02115913_1010.jpg", "Annotation/n02115913-dhole/n02115913_1010 can't be read"),
        ("Images/others/1.jpg", "it lies in the folder of no breed"),
        (f"Images/{chihuahua}.jpg", "train_list.mat names it, and it is not there"),
    ]


@pytest.mark.parametrize(
    "box", ["<xmin>a</xmin><ymin>1</ymin><xmax>3</xmax><ymax>4</ymax>", "<xmin>1</xmin>"], ids=["a word", "numbers missing"]
)
def test_a_box_that_is_none(box, published, root):
    published["stanford-dogs"](root)
    path = root / "Annotation/n02115913-dhole/n02115913_1010"
    path.write_text(f"<annotation><object><bndbox>{box}</bndbox></object></annotation>")
    listing = read(root)
    assert len(listing.entries) == 3
    assert [one.path for one in listing.skipped] == ["Images/n02115913-dhole/n02115913_1010.jpg"]


def test_a_list_that_is_none_of_matlabs(published, root):
    published["stanford-dogs"](root)
    (root / "train_list.mat").write_text("n02085620-Chihuahua/n02085620_10074.jpg\n")
    with pytest.raises(ValueError, match=r"train_list\.mat can't be read as a list of MATLAB"):
        read(root)
