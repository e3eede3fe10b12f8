"""CelebFaces Attributes, as published and as Kaggle packs it."""

import pytest

from atelier.datasets.layouts.base import locate
from atelier.datasets.layouts.celeba import CelebA


def read(root):
    return CelebA().read(root)


@pytest.mark.parametrize("edition", ["celeba", "celeba of Kaggle"])
def test_all_that_the_set_says(edition, published, root):
    published[edition](root)
    assert locate(root, None) == (root, CelebA)
    listing = read(root)
    assert listing.attribute_names == ("5 o Clock Shadow", "Arched Eyebrows", "Wearing Hat")
    assert listing.class_names == ()
    assert [entry.path.rpartition("/")[2] for entry in listing.entries] == ["000001.jpg", "000002.jpg", "000003.jpg", "000004.jpg"]
    assert all((root / entry.path).is_file() for entry in listing.entries)
    assert [entry.item.attributes for entry in listing.entries] == [(0, 1, 1), (0, 0, 0), (1, 0, 1), (0, 0, 0)]
    assert [entry.item.split for entry in listing.entries] == ["train", "train", "val", "test"]
    assert {entry.box for entry in listing.entries} == {None}, "the boxes are those of pictures that are not aligned"
    concepts = [entry.item.concept for entry in listing.entries]
    assert concepts == (["person 2880", "person 2937", "person 2880", "person 7"] if edition == "celeba" else [""] * 4)
    assert listing.skipped == ()


def test_as_the_publisher_arranges_it(published, root):
    published["celeba"](root)
    for name, folder in (("list_attr_celeba.txt", "Anno"), ("list_eval_partition.txt", "Eval"), ("img_align_celeba", "Img")):
        (root / "CelebA" / folder).mkdir(parents=True)
        (root / name).rename(root / "CelebA" / folder / name)
    assert locate(root, None) == (root, CelebA)
    listing = read(root)
    assert listing.entries[0].path == "CelebA/Img/img_align_celeba/000001.jpg"
    assert [entry.item.split for entry in listing.entries] == ["train", "train", "val", "test"]


def test_whole_photographs_have_boxes(published, root):
    listing = read(published["celeba"](root, folder="img_celeba"))
    assert {entry.box for entry in listing.entries} == {(95, 71, 226, 313)}


def test_the_edition_in_png(published, root):
    published["celeba"](root, folder="img_align_celeba_png")
    for path in (root / "img_align_celeba_png").iterdir():
        path.rename(path.with_suffix(".png"))
    assert len(read(root).entries) == 4


def test_only_the_attributes_are_needed(published, root):
    published["celeba"](root)
    for name in ("list_eval_partition.txt", "identity_CelebA.txt", "list_bbox_celeba.txt"):
        (root / name).unlink()
    assert {(entry.item.split, entry.item.concept) for entry in read(root).entries} == {(None, "")}


def test_what_is_missing_is_skipped_by_name(published, root):
    published["celeba"](root)
    (root / "img_align_celeba/000002.jpg").rename(root / "img_align_celeba/000009.jpg")
    listing = read(root)
    assert len(listing.entries) == 3
    assert [(one.path, one.reason) for one in listing.skipped] == [
        ("img_align_celeba/000002.jpg", "list_attr_celeba.txt names it, and it is not there"),
        ("img_align_celeba/000009.jpg", "list_attr_celeba.txt says nothing of it"),
    ]


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("list_attr_celeba.txt", "000005.jpg 1 -1", "line 7: expected 3 values, not 2"),
        ("list_attr_celeba.txt", "000005.jpg 1 -1 2", "line 7: expected 1 or -1, not '2'"),
        ("list_eval_partition.txt", "000005.jpg train", "line 5: expected 0 .train., 1 .validation. or 2 .test., not 'train'"),
    ],
)
def test_a_broken_list_is_named_with_its_line(name, line, message, published, root):
    with (published["celeba"](root) / name).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ValueError, match=f"^{name}, {message}"):
        read(root)


def test_a_broken_table_of_kaggle_is_named_with_its_line(published, root):
    with (published["celeba of Kaggle"](root) / "list_attr_celeba.csv").open("a") as file:
        file.write("000005.jpg,1,-1\n")
    with pytest.raises(ValueError, match=r"list_attr_celeba\.csv, line 6: expected 3 values, not 2"):
        read(root)


def test_an_empty_list(published, root):
    published["celeba"](root)
    (root / "list_attr_celeba.txt").write_text("")
    with pytest.raises(ValueError, match=r"list_attr_celeba\.txt, line 2: expected the names of the attributes"):
        read(root)
