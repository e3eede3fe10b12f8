"""Hugging Face's ImageFolder with metadata."""

import json
import os

import pytest

from atelier.datasets.layouts.base import locate
from atelier.datasets.layouts.imagefolder import ImageFolder


def read(root):
    return ImageFolder().read(root)


def jsonl(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(root, put, *rows, name="metadata.jsonl"):
    put(root, *(row["file_name"] for row in rows if row.get("file_name")), f"{name}: {jsonl(*rows)}")
    return read(root)


def reasons(listing):
    return [(one.path, one.reason) for one in listing.skipped]


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_captions_labels_and_attributes(name, root, put):
    put(root, "1.png", "2.png", "3.png")
    rows = [
        {"file_name": "1.png", "text": "a red cat", "label": "cat", "smiles": True, "size": 0.25},
        {"file_name": "2.png", "text": 'a "dog", blue', "label": "dog", "smiles": False, "size": 1},
        {"file_name": "3.png", "text": "a grey cat", "label": "cat", "smiles": False, "size": 0},
    ]
    if name == "metadata.csv":
        lines = ["file_name,text,label,smiles,size", "1.png,a red cat,cat,True,0.25", '2.png,"a ""dog"", blue",dog,False,1']
        put(root, "metadata.csv: " + "\r\n".join([*lines, "3.png,a grey cat,cat,False,0", ""]))
    else:
        put(root, f"metadata.jsonl: {jsonl(*rows)}")
    assert locate(root, None) == (root, ImageFolder)
    listing = read(root)
    assert listing.class_names == ("cat", "dog")
    assert listing.attribute_names == ("smiles", "size")
    assert [entry.path for entry in listing.entries] == ["1.png", "2.png", "3.png"]
    assert [entry.item.label for entry in listing.entries] == [0, 1, 0]
    assert [entry.item.captions for entry in listing.entries] == [("a red cat",), ('a "dog", blue',), ("a grey cat",)]
    assert [entry.item.attributes for entry in listing.entries] == [(1, 0.25), (0, 1), (0, 0)]
    assert {entry.item.split for entry in listing.entries} == {None}
    assert listing.skipped == ()


@pytest.mark.parametrize(("folder", "split"), [("train", "train"), ("validation", "val"), ("test", "test")])
def test_one_file_in_each_split(folder, split, root, put):
    put(root, "train/1.png", f"train/metadata.csv: {'file_name,text'}\n1.png,one\n")
    put(root, f"{folder}/sub/2.png", f"{folder}/metadata.jsonl: {jsonl({'file_name': 'sub/2.png', 'text': 'two'})}")
    listing = read(root)
    assert {(entry.path, entry.item.split, *entry.item.captions) for entry in listing.entries} == {
        ("train/1.png", "train", "one"),
        (f"{folder}/sub/2.png", split, "two"),
    }


def test_one_file_above_all_splits(root, put):
    listing = write(root, put, {"file_name": "train/1.png"}, {"file_name": "test/2.png"})
    assert [(entry.path, entry.item.split) for entry in listing.entries] == [("train/1.png", "train"), ("test/2.png", "test")]


def test_several_captions(root, put):
    listing = write(
        root,
        put,
        {"file_name": "1.png", "caption": ["one", "two ", "one", ""], "prompt": "three\nlines\nlong"},
        {"file_name": "2.png", "caption": "four", "prompt": None},
    )
    assert [entry.item.captions for entry in listing.entries] == [("one", "two", "three lines long"), ("four",)]


def test_the_picture_may_be_called_otherwise(root, put):
    put(root, "1.png", "2.png", "metadata.csv: image_file_name,text\n1.png,one\n./2.png,two\n")
    assert [entry.item.captions for entry in read(root).entries] == [("one",), ("two",)]


def test_windows_and_mac_write_paths_in_their_own_way(root, put):
    put(root, "sub/1.png", "größe.png")
    os.rename(root / "größe.png", root / "gro\u0308ße.png")  # noqa: PTH104
    put(root, "metadata.csv: \ufefffile_name;text\nsub\\1.png;one\ngröße.png;two, three\n")
    assert {(entry.path, *entry.item.captions) for entry in read(root).entries} == {("sub/1.png", "one"), ("gro\u0308ße.png", "two, three")}


@pytest.mark.parametrize(
    ("values", "names", "labels"),
    [
        ([3, 1, 3], ("1", "3"), [1, 0, 1]),
        (["10", "9", "10"], ("9", "10"), [1, 0, 1]),
        (["b", "a", "10"], ("10", "a", "b"), [2, 1, 0]),
        ([2.0, 1.0, 1.0], ("1", "2"), [1, 0, 0]),
        (["a", "a", "a"], (), [0, 0, 0]),
    ],
)
def test_labels_are_numbers_or_names(values, names, labels, root, put):
    listing = write(root, put, *({"file_name": f"{n}.png", "label": value} for n, value in enumerate(values)))
    assert listing.class_names == names
    assert [entry.item.label for entry in listing.entries] == labels


def test_attributes_of_minus_one_and_one(root, put):
    listing = write(root, put, {"file_name": "1.png", "hat": -1, "on": 1}, {"file_name": "2.png", "hat": 1, "on": 1})
    assert [entry.item.attributes for entry in listing.entries] == [(0, 1), (1, 1)]


def test_columns_that_are_no_attributes(root, put):
    """Numbers of another range are said to be left out; words, lists and objects are nothing that one would look for."""
    other = {"artist": "Klee", "objects": {"bbox": [[1, 2, 3, 4]]}, "tags": ["a"]}
    listing = write(root, put, {"file_name": "1.png", "age": 3, **other}, {"file_name": "2.png", "age": 87.5, **other})
    assert listing.attribute_names == ()
    assert reasons(listing) == [("metadata.jsonl", "the column 'age' is left out: an attribute goes from 0 to 1, and this from 3 to 87.5")]


def test_a_column_with_few_gaps_costs_pictures_and_one_with_many_is_left_out(root, put):
    rows = [{"file_name": f"{n:02d}.png", "few": 0.5, "many": 0.5} for n in range(20)]
    rows[3]["few"] = None
    for row in rows[5:9]:
        del row["many"]
    listing = write(root, put, *rows)
    assert listing.attribute_names == ("few",)
    assert len(listing.entries) == 19
    assert reasons(listing) == [
        ("metadata.jsonl", "the column 'many' is left out: it is empty in 4 of 20 lines"),
        ("03.png", "metadata.jsonl, line 4, has no few"),
    ]


def test_what_is_missing_is_skipped_by_name(root, put):
    put(root, "5.png")
    rows = [
        {"file_name": "1.png", "text": "one", "label": 0},
        {"file_name": "2.png", "text": " ", "label": 1},
        {"file_name": "3.png", "text": "three", "label": None},
        {"file_name": "1.png", "text": "again", "label": 1},
        {"file_name": "4.png", "text": "four", "label": 1},
    ]
    put(root, *("1.png", "2.png", "3.png"), f"metadata.jsonl: {jsonl(*rows)}")
    listing = read(root)
    assert [entry.path for entry in listing.entries] == ["1.png"]
    assert reasons(listing) == [
        ("1.png", "metadata.jsonl, line 4, names it once more"),
        ("4.png", "metadata.jsonl, line 5, names it, and it is not there"),
        ("5.png", "metadata.jsonl says nothing of it"),
        ("2.png", "metadata.jsonl, line 2, has no text"),
        ("3.png", "metadata.jsonl, line 3, has no label"),
    ]


def test_paths_in_the_metadata_do_not_lead_out_of_the_folder(root, put):
    put(root.parent, "secret.png")
    put(root, "1.png", f"metadata.csv: file_name\n1.png\n../secret.png\n{root.parent}/secret.png\n")
    listing = read(root)
    assert [entry.path for entry in listing.entries] == ["1.png"]
    assert len(listing.skipped) == 2


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ('metadata.jsonl: {"file_name": "1.png"}\n{"file_name": \n', r"metadata\.jsonl, line 2: not JSON"),
        ('metadata.jsonl: {"file_name": "1.png"}\n["1.png"]\n', r"metadata\.jsonl, line 2: expected an object in braces"),
        ('metadata.jsonl: {"image": "1.png", "text": "x"}\n', r"metadata\.jsonl, line 1: there is no file_name; there are image, text"),
        ('metadata.jsonl: {"file_name": 7}\n', r"metadata\.jsonl, line 1: file_name is no name of a file: 7"),
        (
            'metadata.jsonl: {"file_name": "1.png", "label": [1, 2]}\n',
            r"metadata\.jsonl, line 1: label is neither a whole number nor a name",
        ),
        ('metadata.jsonl: {"file_name": "1.png", "label": 0.5}\n', r"metadata\.jsonl, line 1: label is neither"),
        ("metadata.csv: file_name,text\n1.png,one,two,three\n", r"metadata\.csv, line 2: there are more fields than the 2 columns"),
        ("metadata.csv: file_name,text\n,one\n", r"metadata\.csv, line 2: file_name is no name of a file"),
        ("metadata.csv: id,text\n1.png,one\n", r"metadata\.csv, line 2: there is no file_name; there are id, text"),
        ("metadata.csv: file_name,text\n7.png,one\n", r"none of the pictures that metadata\.csv names is there, such as 7\.png"),
        ("metadata.csv: file_name,text\n", r"metadata\.csv is empty"),
    ],
)
def test_broken_metadata_is_named_with_its_line(file, message, root, put):
    put(root, "1.png", file)
    with pytest.raises(ValueError, match=message):
        read(root)


def test_without_metadata_it_is_class_folders(root, put):
    put(root, "train/cat/1.png", "train/dog/2.png")
    assert locate(root, None)[1].name == "folders"
