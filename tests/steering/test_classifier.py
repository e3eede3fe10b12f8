"""What sees attributes: what it learns, how it says how well, and that readers find it whole or not at all."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.steering import classifier as module
from atelier.steering.classifier import Classifier, Description, load, publish, read_description, ties, train, truths

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare(open_dataset("shapes", {"count": 400}), 16, tmp_path_factory.mktemp("datasets"))


@pytest.fixture(scope="module")
def trained(shapes: PreparedDataset) -> tuple[Classifier, Description]:
    return train(shapes, device=CPU, steps=120)


def changed(dataset: PreparedDataset, **changes: object) -> PreparedDataset:
    return replace(dataset, **changes)  # type: ignore[arg-type]


def test_it_learns_what_is_there_and_says_how_well(shapes: PreparedDataset, trained: tuple[Classifier, Description]) -> None:
    classifier, description = trained
    assert [dial.name for dial in description.dials] == list(shapes.attribute_names), "shapes are attributes as well, so no classes"
    found = {dial.name: dial for dial in description.dials}
    assert all(found[f"{name} background"].accuracy == 1 for name in ("white", "black"))
    assert [dial.name for dial in description.dials if dial.measured] == ["size", "x", "y"]
    assert (found["x"].accuracy or 0) > 0.8
    assert description.fingerprint == shapes.fingerprint

    rows = np.setdiff1d(shapes.rows("all"), shapes.rows("train"))
    images = torch.from_numpy(shapes.images[rows].copy()).permute(0, 3, 1, 2) / 127.5 - 1
    seen, truth = classifier(images)[:, 19] > 0, shapes.attributes[rows, 19] > 0.5
    assert description.dials[19].name == "black background"
    assert np.array_equal(seen.numpy(), truth)
    assert not any(parameter.requires_grad for parameter in classifier.parameters())
    alone = torch.cat([classifier(image[None]) for image in images[:4]])
    assert torch.allclose(alone, classifier(images)[:4], atol=1e-4), "group norm: pictures do not depend on each other"


def test_it_knows_what_settles_what(trained: tuple[Classifier, Description]) -> None:
    classifier, description = trained
    at = {dial.name: index for index, dial in enumerate(description.dials)}
    white, black, x = (at[name] for name in ("white background", "black background", "x"))
    assert classifier.tied[white, black] == classifier.tied[black, white] == 1
    assert classifier.tied[white, white] == classifier.tied[white, x] == 0
    assert classifier.measured.nonzero().flatten().tolist() == [at["size"], x, at["y"]]


def test_classes_share_a_softmax(shapes: PreparedDataset) -> None:
    named = changed(shapes, attribute_names=(), attributes=shapes.attributes[:, :0], class_names=tuple("abcdefgh"))
    classifier, description = train(named, device=CPU, steps=3)
    assert [(dial.name, dial.kind) for dial in description.dials] == [(name, "class") for name in "abcdefgh"]
    scores = classifier(torch.randn(5, 3, 16, 16))
    assert torch.allclose(scores.sigmoid().sum(dim=1), torch.ones(5), atol=1e-5)
    assert torch.equal(classifier.tied, 1 - torch.eye(8))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("resolution", [16, 32, 64, 128, 256])
def test_pictures_of_every_size(channels: int, resolution: int) -> None:
    assert Classifier(channels, resolution, 2, 3, width=8)(torch.zeros(2, channels, resolution, resolution)).shape == (2, 5)


def test_attributes_are_brought_between_0_and_1(shapes: PreparedDataset) -> None:
    years = np.where(shapes.labels % 2, 20.0, 70.0).astype(np.float32)
    odd = np.stack([years, np.ones(len(shapes)), shapes.labels % 2], axis=1).astype(np.float32)
    dials, values = truths(changed(shapes, attributes=odd, attribute_names=("age", "always", "circle")))
    assert [dial.name for dial in dials[:3]] == ["age", "circle", "circle (class)"], "what never varies can't be learned"
    assert [dial.measured for dial in dials[:2]] == [True, False]
    assert values[:, 0].max() == 1
    assert values.min() == 0
    assert values.shape == (len(shapes), 2 + 8)


def test_nothing_to_see_is_refused_in_words(shapes: PreparedDataset) -> None:
    bare = changed(shapes, attributes=np.zeros((len(shapes), 0), np.float32), attribute_names=(), class_names=("all",))
    with pytest.raises(ValueError, match="neither classes nor attributes"):
        train(bare, device=CPU)


def test_without_pictures_kept_apart_nothing_is_said_of_accuracy(shapes: PreparedDataset) -> None:
    _, description = train(changed(shapes, splits=np.zeros_like(shapes.splits)), device=CPU, steps=2)
    assert {dial.accuracy for dial in description.dials} == {None}


def test_rare_things_settle_nothing() -> None:
    values = torch.zeros(100, 4)
    values[:50, 0] = 1
    values[50:, 1] = 1  # never with the first
    values[:30, 2] = 1  # never without the first
    values[99, 3] = 1  # once, without the first: that says nothing
    expected = torch.tensor([[0.0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
    assert torch.equal(ties(values), expected)


def test_the_same_seed_gives_the_same_classifier_and_progress_is_told(shapes: PreparedDataset) -> None:
    told: list[tuple[int, int]] = []
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first, _ = train(shapes, device=CPU, seed=3, steps=4, on_progress=lambda step, total, loss: told.append((step, total)))
    assert torch.equal(before, torch.get_rng_state()), "chance of others is not touched"
    second, _ = train(shapes, device=CPU, seed=3, steps=4)
    other, _ = train(shapes, device=CPU, seed=4, steps=4)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert torch.equal(first.head.weight, second.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


# ---------------------------------------------------------------------------------------------------------------- on disk


def test_it_comes_back_as_it_was(tmp_path: Path, trained: tuple[Classifier, Description]) -> None:
    classifier, description = trained
    published = publish(tmp_path / "a", classifier, description)
    back, said = load(tmp_path / "a", CPU, digest=published.digest)
    images = torch.randn(4, 3, 16, 16)
    assert torch.equal(back(images), classifier(images))
    assert torch.equal(back.tied, classifier.tied)
    assert said == published == read_description(tmp_path / "a")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == sorted(["classifier.json", published.weights])
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in (tmp_path / "a").iterdir())
    with safe_open(tmp_path / "a" / published.weights, "pt") as file:
        assert "tied" in file.keys()  # noqa: SIM118


def test_another_takes_its_place_and_whoever_read_the_first_still_finds_it(
    tmp_path: Path, shapes: PreparedDataset, trained: tuple[Classifier, Description]
) -> None:
    names = []
    for seed in range(3):
        classifier, description = train(shapes, device=CPU, seed=seed, steps=1)
        names.append(publish(tmp_path, classifier, description).weights)
        assert {path.name for path in tmp_path.iterdir()} == {"classifier.json", *names[-2:]}
    with pytest.raises(ValueError, match="trained anew meanwhile"):
        load(tmp_path, CPU, digest="0" * 64)


@pytest.mark.parametrize("call", range(5))
def test_a_death_at_any_moment_leaves_the_one_before_or_the_new_one(
    tmp_path: Path, shapes: PreparedDataset, trained: tuple[Classifier, Description], monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    """The process dies before the n-th thing that it does to the disk."""
    publish(tmp_path, *train(shapes, device=CPU, seed=8, steps=2))
    first = publish(tmp_path, *trained)
    new = train(shapes, device=CPU, seed=9, steps=1)
    count = 0

    class Death(BaseException):
        pass

    def deadly(name: str) -> None:
        owner, attribute = (module, name) if hasattr(module, name) else (Path, name)
        real = getattr(owner, attribute)

        def guarded(*arguments: object, **named: object) -> object:
            nonlocal count
            count += 1
            if count > call:
                if name == "write_text":  # half of it
                    real(arguments[0], str(arguments[1])[:100])
                raise Death
            return real(*arguments, **named)

        monkeypatch.setattr(owner, attribute, guarded)

    for name in ("save_file", "replace", "write_text", "unlink"):
        deadly(name)
    with pytest.raises(Death):
        publish(tmp_path, *new)
    monkeypatch.undo()
    _, found = load(tmp_path, CPU)
    assert found.steps == (first.steps if call < 4 else 1)
    last = publish(tmp_path, *new)
    assert load(tmp_path, CPU)[1] == last
    assert not list(tmp_path.glob("*.part")), "what the dead one left is gone"


def test_what_is_damaged_or_not_there_says_so(tmp_path: Path, trained: tuple[Classifier, Description]) -> None:
    assert read_description(tmp_path / "nowhere") is None
    with pytest.raises(ValueError, match="run a discovery first"):
        load(tmp_path / "nowhere", CPU)
    published = publish(tmp_path, *trained)
    with (tmp_path / published.weights).open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\xff\xff\xff\xff")
    with pytest.raises(ValueError, match="damaged"):
        load(tmp_path, CPU)
