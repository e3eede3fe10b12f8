"""What holds for every layout, and which one a folder has."""

import os
import time
import zipfile

import pytest

from atelier.datasets.archive import Limits, unpack
from atelier.datasets.layouts.base import Layout, arrangement, find, layouts, locate, walk
from atelier.datasets.pictures import open_picture

NAMES = ["cub", "celeba", "stanford-dogs", "imagefolder", "captions", "folders", "flat"]
every_layout = pytest.mark.parametrize("name", NAMES)


def test_the_layouts_are_found_and_tried_the_most_particular_first():
    assert list(layouts) == NAMES
    ranks = [cls.rank for cls in layouts.values()]
    assert ranks == sorted(set(ranks))


@every_layout
def test_it_describes_itself(name):
    cls = layouts[name]
    assert cls.name == name
    assert cls.title
    assert cls.summary().endswith(".")
    assert "\n" not in cls.summary()
    assert cls.wanted[0].islower() or cls.wanted.startswith("images.txt")
    assert not cls.wanted.endswith(".")


@every_layout
def test_each_is_detected_on_its_own_files(name, published, root):
    published[name](root)
    assert locate(root, None) == (root, layouts[name])
    assert locate(root, name) == (root, layouts[name])


@every_layout
def test_each_is_detected_in_the_folder_of_a_zip_file(name, published, root, put):
    """With what a Mac leaves beside it."""
    published[name](root / "set" / "v1")
    put(root, "__MACOSX/set/._1.png: x", "set/.DS_Store: x", "set/Thumbs.db: x")
    packed = root.parent / "set.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(root))
    unpack(packed, root.parent / "out", Limits(keep_free=0))
    for folder in (root, root.parent / "out"):
        home, cls = locate(folder, None)
        assert cls is layouts[name]
        listing = cls().read(home)
        assert len(listing.entries) >= 2
        for entry in listing.entries:
            open_picture(home / entry.path)


@every_layout
def test_items_fit_the_names_and_come_in_the_same_order(name, published, root):
    published[name](root)
    listing = layouts[name]().read(root)
    assert listing.skipped == ()
    assert listing == layouts[name]().read(root)
    assert len({entry.path for entry in listing.entries}) == len(listing.entries) > 1
    for entry in listing.entries:
        assert (root / entry.path).is_file()
        assert "\\" not in entry.path
        assert 0 <= entry.item.label < max(1, len(listing.class_names))
        assert len(entry.item.attributes) == len(listing.attribute_names)
        assert all(0 <= value <= 1 for value in entry.item.attributes)
        assert all(caption == caption.strip() != "" for caption in entry.item.captions)
        assert len(set(entry.item.captions)) == len(entry.item.captions)


@pytest.mark.parametrize("name", ["cub", "celeba", "stanford-dogs", "imagefolder", "captions", "folders"])
def test_a_folder_of_another_layout_is_refused_in_words(name, published, root):
    published["flat"](root)
    for refuse in (lambda: locate(root, name), lambda: layouts[name]().read(root)):
        with pytest.raises(ValueError, match="brought is not laid out as") as refusal:
            refuse()
        assert layouts[name].wanted in str(refusal.value)
        assert "it holds 3 .png (such as 10001.png, 10002.png, 10010.png)" in str(refusal.value)


def test_a_named_layout_is_taken_though_another_would_be_detected(published, root, put):
    published["cub"](root)
    put(root / "CUB_200_2011", 'images/metadata.jsonl: {"file_name": "1.png"}\n', "images/1.png")
    assert locate(root, "cub")[1] is layouts["cub"]
    assert locate(root, "flat")[1] is layouts["flat"]
    assert locate(root, "folders")[1] is layouts["folders"]


def test_what_can_not_be_a_set(root, put):
    with pytest.raises(ValueError, match=r"layout 'faces' is not one of cub, celeba, .*, flat$"):
        locate(root, "faces")
    with pytest.raises(ValueError, match=r"there is no folder .*nowhere"):
        locate(root / "nowhere", None)
    with pytest.raises(ValueError, match="there are no pictures in brought: it is empty"):
        locate(root, None)
    put(root, "a/b/1.npy: x", "2.npy: x", "list.csv: x", "README: x")
    with pytest.raises(ValueError, match=r"there are no pictures in brought: it holds 2 \.npy, 1 without a suffix, 1 \.csv"):
        locate(root, None)
    with pytest.raises(ValueError, match="is not a folder"):
        locate(root / "README", None)


# What a folder is taken for is a decision where it could be several things.


def home_and_name(root):
    home, cls = locate(root, None)
    return home.relative_to(root).as_posix(), cls.name


def test_a_single_folder_of_pictures_is_no_class(root, put):
    put(root, "cats/1.png", "cats/2.png")
    assert home_and_name(root) == ("cats", "flat")


def test_a_folder_of_pictures_beside_other_things_is_where_the_set_is(root, put):
    put(root, "images/cat/1.png", "images/dog/1.png", "docs/manual.txt: x", "LICENSE: x")
    assert home_and_name(root) == ("images", "folders")


def test_pictures_beside_class_folders_are_no_class(root, put):
    put(root, "cat/1.png", "dog/1.png", "overview.png")
    assert home_and_name(root) == (".", "folders")
    listing = layouts["folders"]().read(root)
    assert [entry.path for entry in listing.entries] == ["cat/1.png", "dog/1.png"]
    assert [(one.path, one.reason) for one in listing.skipped] == [("overview.png", "it lies in the folder of no class")]


def test_a_split_alone_is_not_descended_into(root, put):
    put(root, "set/train/cat/1.png", "set/train/dog/1.png")
    assert home_and_name(root) == ("set", "folders")


def test_splits_without_classes_are_a_flat_set(root, put):
    put(root, "train/1.png", "train/2.png", "test/3.png")
    assert home_and_name(root) == (".", "flat")


@pytest.mark.parametrize(("names", "expected"), [(["0", "1", "2"], "folders"), (["0000", "0001"], "flat"), (["00000", "01000"], "flat")])
def test_folders_that_pictures_are_dealt_out_into_are_no_classes(names, expected, root, put):
    """0 to 9 are classes of digits; 0000 to 0999 is how large collections are stored. Naming the layout overrules it."""
    put(root, *(f"{name}/{number}.png" for name in names for number in range(2)))
    assert home_and_name(root) == (".", expected)
    assert locate(root, "folders") == (root, layouts["folders"])
    assert layouts["folders"]().read(root).class_names == tuple(names)


def test_captions_in_class_folders_are_captions_with_classes(root, put):
    put(root, "cat/1.png", "cat/1.txt: a cat", "dog/1.png", "dog/1.txt: a dog")
    assert home_and_name(root) == (".", "captions")


def test_a_few_texts_beside_many_pictures_are_no_captions(root, put):
    put(root, *(f"{number}.png" for number in range(30)), "1.txt: a note", "2.txt: a note")
    assert home_and_name(root) == (".", "flat")


def test_boxes_for_a_detector_are_no_captions(root, put):
    put(root, *(f"{number}.png" for number in range(5)), *(f"{number}.txt: 0 0.5 0.5 0.2 0.3\n" for number in range(5)))
    assert home_and_name(root) == (".", "flat")


def test_metadata_goes_before_captions_and_classes(root, put):
    put(root, "cat/1.png", "cat/1.txt: a cat", "dog/1.png", "metadata.csv: file_name,text\ncat/1.png,a cat\ndog/1.png,a dog\n")
    assert home_and_name(root) == (".", "imagefolder")


def test_birds_without_their_lists_are_class_folders(published, root):
    home = published["cub"](root) / "CUB_200_2011"
    (home / "classes.txt").unlink()
    assert home_and_name(root) == ("CUB_200_2011/images", "folders")


def test_the_order_of_files_does_not_depend_on_the_file_system(root, put, monkeypatch):
    names = ["b/2.png", "a/10.png", "a/9.png", "c.png", "B/1.png", "ä/1.png", "a b/1.png"]
    put(root, *names)
    expected = list(walk(root))
    assert sorted(expected) == sorted(names)
    scandir = os.scandir

    class Backwards:
        def __init__(self, path):
            with scandir(path) as entries:
                self.entries = list(entries)[::-1]

        def __iter__(self):
            return iter(self.entries)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Backwards)
    assert list(walk(root)) == expected


def test_hidden_files_are_never_looked_at(root, put):
    put(root, "1.png", ".hidden.png", ".cache/2.png", "__MACOSX/3.png", "a/.b/4.png", "a/Thumbs.db: x")
    assert list(walk(root)) == ["1.png"]


def test_links_are_followed_but_not_in_circles(root, put):
    put(root.parent / "elsewhere", "1.png", "sub/2.png")
    (root / "linked").symlink_to(root.parent / "elsewhere")
    (root / "file.png").symlink_to(root.parent / "elsewhere" / "1.png")
    (root / "broken.png").symlink_to(root / "none")
    (root.parent / "elsewhere" / "sub" / "up").symlink_to(root.parent / "elsewhere")
    (root / "self").symlink_to(root)
    assert list(walk(root)) == ["file.png", "linked/1.png", "linked/sub/2.png"]


def test_pipes_are_not_waited_for(root, put):
    put(root, "1.png")
    os.mkfifo(root / "pipe.png")
    assert list(walk(root)) == ["1.png"]


def test_names_with_spaces_in_any_script_deep_down(root, put):
    names = ["a b/ü ö/日本語/1.png", "x/" * 30 + "1.png", "emoji 🦊/2.png"]
    put(root, *names)
    assert sorted(entry.path for entry in layouts["flat"]().read(root).entries) == sorted(names)


def test_names_that_are_no_text_are_skipped_by_name(root, put):
    put(root, "1.png")
    with open(os.fsencode(root) + b"/caf\xe9.png", "wb") as file:  # noqa: PTH123
        file.write(b"x")
    listing = layouts["flat"]().read(root)
    assert [entry.path for entry in listing.entries] == ["1.png"]
    assert [(one.path, one.reason) for one in listing.skipped] == [("caf?.png", "its name is not valid UTF-8")]


def test_suffixes_of_any_case_are_pictures_and_others_are_left_alone(root, put):
    put(root, "1.PNG: x", "2.Jpg: x", "3.heic: x", "4.txt: x", "5.npy: x", "6: x", "7.svg: x")
    assert [entry.path for entry in layouts["flat"]().read(root).entries] == ["1.PNG", "2.Jpg", "3.heic", "7.svg"]


def test_a_folder_that_may_not_be_read_is_named(root, put):
    put(root, "a/1.png", "b/1.png")
    (root / "b").chmod(0)
    try:
        if os.access(root / "b", os.R_OK):
            pytest.skip("root may read everything")
        with pytest.raises(ValueError, match="may not be read: permission denied"):
            locate(root, None)
    finally:
        (root / "b").chmod(0o700)


def test_finding_looks_three_folders_down_and_not_into_classes(root, put):
    put(root, "a/b/List.TXT: x", "list.txt: x", "a/b/c/list.txt: x", *(f"many/{number}/list.txt: x" for number in range(30)))
    assert find(root, "list.txt", "other.txt") == {"list.txt": [root / "list.txt", root / "a/b/List.TXT"], "other.txt": []}


@pytest.mark.parametrize("top", ["train", "Training", "VAL", "valid", "validation", "test"])
def test_folders_that_are_called_splits(top):
    assert len(arrangement([f"{top}/1.png"]).split) == 1
    assert arrangement([f"{top}/1.png", "cats/1.png"]).split == {}, "a class that is called test"


def test_a_large_folder_is_listed_fast(root, put):
    """20,000 files here; time grows with their number."""
    put(root, "0.png")
    for folder in range(20):
        (root / f"class {folder}").mkdir()
        for number in range(1000):
            (root / f"class {folder}" / f"{number}.png").touch()
    (root / "0.png").unlink()
    start = time.monotonic()
    home, cls = locate(root, None)
    listing = cls().read(home)
    took = time.monotonic() - start
    assert len(listing.entries) == 20_000
    assert took < 5, took


def test_a_new_layout_is_one_class(root):
    assert all(issubclass(cls, Layout) for cls in layouts.values())
    assert {cls.__module__.rpartition(".")[2] for cls in layouts.values()} >= {"cub", "celeba", "flat"}
