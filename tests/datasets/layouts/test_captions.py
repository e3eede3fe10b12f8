"""Each picture beside a text."""

import pytest

from atelier.datasets.layouts.captions import Captions


def read(root):
    return Captions().read(root)


def test_one_caption_a_line(published, root):
    listing = read(published["captions"](root))
    assert [(entry.path, entry.item.captions) for entry in listing.entries] == [
        ("1.jpg", ("a red bird",)),
        ("2.jpg", ("a blue bird", "an azure bird")),
    ]
    assert listing.class_names == ()
    assert listing.skipped == ()


@pytest.mark.parametrize(
    "content",
    [b"a red  bird \r\n\r\n a bird\r\na red bird", "\ufeffa red bird\na bird".encode(), "a red bird\na bird\n".encode("utf-16")],
    ids=["Windows", "with a mark", "UTF-16"],
)
def test_texts_from_anywhere(content, root, put):
    put(root, "1.png")
    (root / "1.txt").write_bytes(content)
    assert read(root).entries[0].item.captions == ("a red bird", "a bird")


def test_folders_are_classes_and_splits(root, put):
    for path in ("train/cat/1", "train/dog/2", "validation/cat/3"):
        put(root, f"{path}.png", f"{path}.txt: a picture")
    listing = read(root)
    assert listing.class_names == ("cat", "dog")
    assert [(entry.path, entry.item.label, entry.item.split) for entry in listing.entries] == [
        ("train/cat/1.png", 0, "train"),
        ("train/dog/2.png", 1, "train"),
        ("validation/cat/3.png", 0, "val"),
    ]


def test_what_is_missing_is_skipped_by_name(root, put):
    put(root, "1.png", "1.txt: one", "2.png", "3.png", "3.txt: \n", "4.png", "4.txt: 0 0.5 0.5 0.1 0.1", "notes.txt: x")
    listing = read(root)
    assert [entry.path for entry in listing.entries] == ["1.png"]
    assert [(one.path, one.reason) for one in listing.skipped] == [
        ("2.png", "there is no 2.txt that describes it"),
        ("3.png", "3.txt is empty, or holds numbers instead of a caption"),
        ("4.png", "4.txt is empty, or holds numbers instead of a caption"),
    ]


def test_two_pictures_of_one_name_share_the_text(root, put):
    put(root, "1.png", "1.jpg", "1.txt: one")
    assert [entry.item.captions for entry in read(root).entries] == [("one",), ("one",)]


def test_another_suffix_of_trainers(root, put):
    put(root, "1.png", "1.caption: one")
    assert [entry.item.captions for entry in read(root).entries] == [("one",)]
