"""Caltech-UCSD Birds, with the captions of Reed et al."""

import pytest

from atelier.datasets.layouts.base import locate
from atelier.datasets.layouts.cub import Cub

IMAGES = "CUB_200_2011/images/"
FIRST = "001.Black_footed_Albatross/Black_Footed_Albatross_0046_18"


def read(root):
    return Cub().read(root)


def test_all_that_the_set_says(published, root):
    listing = read(published["cub"](root))
    assert listing.class_names == ("Black footed Albatross", "Laysan Albatross", "Sooty Albatross")
    assert listing.attribute_names == ("bill shape: curved (up or down)", "bill shape: dagger", "size: small (5 - 9 in)")
    assert [entry.path.removeprefix(IMAGES) for entry in listing.entries] == [
        "001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg",
        "001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg",
        "002.Laysan_Albatross/Laysan_Albatross_0002_1027.jpg",
        "003.Sooty_Albatross/Sooty_Albatross_0001_796395.jpg",
    ], "in the order of images.txt"
    assert [entry.item.label for entry in listing.entries] == [0, 0, 1, 2]
    assert [entry.item.split for entry in listing.entries] == ["train", "test", "test", "train"]
    assert [entry.item.attributes for entry in listing.entries] == [(1, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    assert [entry.box for entry in listing.entries] == [(60, 27, 325, 304), (139, 30, 153, 264), (14, 112, 388, 186), (112, 90, 255, 162)]
    assert listing.entries[1].item.captions == tuple(f"caption {line} of bird 2 ." for line in range(10))
    assert listing.skipped == ()


@pytest.mark.parametrize("place", ["text_c10", "CUB_200_2011/text_c10", "birds/text_c10", "CUB_200_2011/text", "birds/text"])
def test_captions_within_and_beside(place, published, root):
    listing = read(published["cub"](root, captions_at=place))
    assert all(len(entry.item.captions) == 10 for entry in listing.entries)


def test_captions_beside_the_folder_that_is_brought(published, root):
    published["cub"](root)
    listing = read(root / "CUB_200_2011")
    assert all(len(entry.item.captions) == 10 for entry in listing.entries)
    assert len(listing.attribute_names) == 3


def test_texts_of_something_else_are_no_captions(published, root, put):
    published["cub"](root, captions_at=None)
    put(root, "text/manual/1.txt: x", "CUB_200_2011/text/readme.txt: x")
    assert [entry.item.captions for entry in read(root).entries] == [()] * 4


@pytest.mark.parametrize("place", ["", "CUB_200_2011", "CUB_200_2011/attributes"])
def test_the_names_of_attributes_lie_in_several_places(place, published, root):
    assert len(read(published["cub"](root, attributes_at=place)).attribute_names) == 3


def test_only_three_lists_are_needed(published, root):
    home = published["cub"](root, captions_at=None) / "CUB_200_2011"
    for name in ("train_test_split.txt", "bounding_boxes.txt", "attributes/image_attribute_labels.txt"):
        (home / name).unlink()
    listing = read(root)
    assert len(listing.entries) == 4
    assert listing.attribute_names == ()
    assert {(entry.box, entry.item.split, entry.item.attributes) for entry in listing.entries} == {(None, None, ())}


def test_what_is_missing_is_skipped_by_name(published, root):
    home = published["cub"](root) / "CUB_200_2011"
    (home / "images" / f"{FIRST}.jpg").unlink()
    (root / "text_c10/002.Laysan_Albatross/Laysan_Albatross_0002_1027.txt").write_text(" \n\n")
    (home / "image_class_labels.txt").write_text("1 1\n2 1\n3 2\n")
    (home / "images/003.Sooty_Albatross/new.jpg").write_bytes(b"x")
    listing = read(root)
    assert [entry.path for entry in listing.entries] == [f"{IMAGES}001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg"]
    assert [(one.path.removeprefix(IMAGES), one.reason) for one in listing.skipped] == [
        (f"{FIRST}.jpg", "images.txt names it, and it is not there"),
        (
            "002.Laysan_Albatross/Laysan_Albatross_0002_1027.jpg",
            "there are no captions in text_c10/002.Laysan_Albatross/Laysan_Albatross_0002_1027.txt",
        ),
        ("003.Sooty_Albatross/Sooty_Albatross_0001_796395.jpg", "image_class_labels.txt says nothing of it"),
        ("003.Sooty_Albatross/new.jpg", "images.txt does not name it"),
    ]


def test_paths_in_the_list_do_not_lead_out_of_the_folder(published, root, put):
    home = published["cub"](root, captions_at=None) / "CUB_200_2011"
    put(root.parent, "secret.png")
    assert (home / "images" / "../../../secret.png").is_file()
    with (home / "images.txt").open("a") as file:
        file.write(f"5 ../../../secret.png\n6 {root.parent}/secret.png\n")
    with (home / "image_class_labels.txt").open("a") as file:
        file.write("5 1\n6 1\n")
    listing = read(root)
    assert len(listing.entries) == 4
    assert {one.reason for one in listing.skipped} == {"images.txt names it, and it is not there"}
    assert len(listing.skipped) == 2


def test_a_text_that_is_not_utf8(published, root):
    published["cub"](root)
    (root / f"text_c10/{FIRST}.txt").write_bytes("a bird with a café au lait breast\r\nthe same\r\nthe same\r\n".encode("latin-1"))
    assert read(root).entries[0].item.captions == ("a bird with a café au lait breast", "the same")


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("images.txt", "5", "images.txt, line 5: 2 fields are expected, not '5'"),
        ("images.txt", "1 other.jpg", "images.txt, line 5: image 1 is listed twice"),
        ("image_class_labels.txt", "5 77", "image_class_labels.txt, line 5: there is no class 77"),
        ("train_test_split.txt", "5 train", "train_test_split.txt, line 5: expected 1 .train. or 0 .test., not 'train'"),
        ("bounding_boxes.txt", "5 1.0 2.0 x 4.0", "bounding_boxes.txt, line 5: expected four numbers"),
        ("bounding_boxes.txt", "5 1.0 2.0", "bounding_boxes.txt, line 5: 5 fields are expected"),
        ("attributes/image_attribute_labels.txt", "1 400 1 3 1.0", "attributes/image_attribute_labels.txt, line 13: .* 3 attributes"),
        ("attributes/image_attribute_labels.txt", "1 1 yes 3 1.0", "attributes/image_attribute_labels.txt, line 13"),
        ("attributes/image_attribute_labels.txt", "1", "attributes/image_attribute_labels.txt, line 13"),
    ],
)
def test_a_broken_list_is_named_with_its_line(name, line, message, published, root):
    with (published["cub"](root) / "CUB_200_2011" / name).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=f"CUB_200_2011/{message}"):
        read(root)


def test_it_is_found_without_its_folder(published, root):
    published["cub"](root)
    assert locate(root / "CUB_200_2011", None) == (root / "CUB_200_2011", Cub)
