"""The stream of batches: every picture once an epoch, the same whatever was taken before, read ahead."""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.datasets.hues import prevailing
from atelier.models.base import Batch, Hyperparameters
from atelier.models.prompted import PromptedHyperparameters
from atelier.training.batches import Batches

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare(open_dataset("shapes", {"count": 50}), 16, tmp_path_factory.mktemp("datasets"))


def batches(dataset: PreparedDataset, seed: int = 0, **chosen: Any) -> Batches:
    return Batches(dataset, Hyperparameters(**{"split": "all"} | chosen), device=CPU, seed=seed)


def sheet(dataset: PreparedDataset, rows: Any = slice(None)) -> torch.Tensor:
    return torch.from_numpy(np.array(dataset.images[rows])).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()


def test_every_image_is_seen_once_an_epoch(dataset: PreparedDataset) -> None:
    stream = batches(dataset, batch_size=10)
    epoch = torch.cat([stream.take(begin).images for begin in range(0, 50, 10)])
    assert sorted(image.numpy().tobytes() for image in epoch) == sorted(image.numpy().tobytes() for image in sheet(dataset))
    assert not torch.equal(stream.take(50).images, stream.take(0).images)


def test_only_the_part_for_training_is_seen_unless_all_is_asked_for(dataset: PreparedDataset) -> None:
    rows = dataset.rows("train")
    assert 30 < len(rows) < 50
    stream = batches(dataset, split="train", batch_size=len(rows))
    seen = sorted(image.numpy().tobytes() for image in stream.take(0).images)
    assert seen == sorted(image.numpy().tobytes() for image in sheet(dataset, rows))


def test_a_batch_follows_from_its_place_and_the_seed_alone(dataset: PreparedDataset) -> None:
    jumping, walking = batches(dataset, batch_size=16), batches(dataset, batch_size=16)
    for start in (0, 16, 32, 48, 64):
        walked = walking.take(start)
    jumped = jumping.take(64)
    assert torch.equal(jumped.images, walked.images)
    assert torch.equal(jumped.labels, walked.labels)
    assert not torch.equal(batches(dataset, seed=1, batch_size=16).take(64).images, walked.images)


def test_labels_go_with_their_images(dataset: PreparedDataset) -> None:
    batch = batches(dataset, batch_size=50).take(0)
    known = {image.numpy().tobytes(): label for image, label in zip(sheet(dataset), dataset.labels.tolist(), strict=True)}
    assert [known[image.contiguous().numpy().tobytes()] for image in batch.images] == batch.labels.tolist()


def test_a_data_set_that_says_so_is_never_mirrored(dataset: PreparedDataset) -> None:
    assert not dataset.mirrorable
    plain, flipped = (batches(dataset, batch_size=50, flip=flip).take(0).images for flip in (False, True))
    assert torch.equal(plain, flipped)


def test_flips_mirror_about_half_of_the_images(dataset: PreparedDataset) -> None:
    dataset = replace(dataset, mirrorable=True)
    plain, flipped = (batches(dataset, batch_size=50, flip=flip).take(0).images for flip in (False, True))
    mirrored = [torch.equal(a.flip(2), b) for a, b in zip(plain, flipped, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(plain, flipped, strict=True)]
    assert all(m or k for m, k in zip(mirrored, kept, strict=True))
    assert 10 <= sum(kept) <= 40


def test_pictures_that_a_caption_calls_by_their_colour_are_seen_in_others(dataset: PreparedDataset) -> None:
    def taken(**chosen: Any) -> Batch:
        hp = PromptedHyperparameters(**{"split": "all", "batch_size": 50} | chosen)
        return Batches(dataset, hp, device=CPU, seed=0, captioned=True).take(50)

    plain, all_, some = taken(), taken(recolour=1), taken(recolour=0.5)
    changed = [not torch.equal(a, b) for a, b in zip(plain.images, all_.images, strict=True)]
    assert 20 < sum(changed) < 50  # but for brown ones, and those that would not be called by their new colour
    for seen, caption, other in zip(all_.images, all_.captions, changed, strict=True):
        pixels = ((seen.permute(1, 2, 0) + 1) * 127.5).round().numpy()
        assert not other or str(prevailing(pixels)) in caption
    assert 0.3 < sum(not torch.equal(a, b) for a, b in zip(plain.images, some.images, strict=True)) / sum(changed) < 0.7
    again = taken(recolour=0.5)
    assert torch.equal(again.images, some.images)
    assert again.captions == some.captions


def test_the_next_batches_are_read_while_a_step_is_computed(dataset: PreparedDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    gather = PreparedDataset.gather

    def slowly(self: PreparedDataset, rows: Any) -> Any:
        time.sleep(0.05)
        return gather(self, rows)

    monkeypatch.setattr(PreparedDataset, "gather", slowly)
    stream = batches(dataset, batch_size=10)
    stream.take(0)  # the first one has to be waited for
    assert stream.waited > 0.02  # the reader may have begun before
    time.sleep(0.3)
    before = stream.waited
    stream.take(10)
    stream.take(20)
    assert stream.waited - before < 0.04


def test_a_failure_to_read_reaches_whoever_takes(dataset: PreparedDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: PreparedDataset, rows: Any) -> Any:
        raise OSError("the disk is gone")

    monkeypatch.setattr(PreparedDataset, "gather", broken)
    with pytest.raises(OSError, match="the disk is gone"):
        batches(dataset, batch_size=10).take(0)


def test_no_pictures_to_train_on_is_said(dataset: PreparedDataset) -> None:
    with pytest.raises(ValueError, match="no pictures to train on in its part 'train'"):
        batches(replace(dataset, splits=np.ones(50, np.uint8)), split="train")
