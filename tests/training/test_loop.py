"""The loop: what it promises whatever the architecture."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.models import architectures
from atelier.models.base import Batch, GenerativeModel, Hyperparameters
from atelier.training import checkpoint
from atelier.training.ema import update_average
from atelier.training.loop import PATIENCE, Tick, Training, TrainingDiverged

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare(open_dataset("shapes", {"count": 50}), 16, tmp_path_factory.mktemp("datasets"))


@pytest.fixture(params=architectures.keys())
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def start(name: str, dataset: PreparedDataset, *, seed: int = 0, **chosen: Any) -> Training:
    cls = architectures[name]
    hp: Hyperparameters = cls.hyperparameters("debug", **{"steps": 6, "batch_size": 8} | chosen)
    torch.manual_seed(seed)
    return Training(cls(hp, dataset.spec), dataset, hp, device=CPU, seed=seed)


def weights(training: Training) -> dict[str, torch.Tensor]:
    return {f"model.{k}": v for k, v in training.model.state_dict().items()} | {
        f"average.{k}": v for k, v in training.average.state_dict().items()
    }


def assert_same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert [k for k in a if not torch.equal(a[k], b[k])] == []


def test_it_reports_the_first_and_the_last_step_with_means(name: str, dataset: PreparedDataset) -> None:
    ticks: list[Tick] = []
    start(name, dataset).run(ticks.append, tick_seconds=1e9)
    assert [tick.step for tick in ticks] == [1, 6]
    assert ticks[-1].total_steps == 6
    assert ticks[-1].images_seen >= 48
    assert ticks[-1].images_per_second > 0
    assert any(key.endswith("/loss") for key in ticks[-1].metrics)
    assert any(key.endswith("/gradient_norm") for key in ticks[-1].metrics)
    assert all(np.isfinite(value) for value in ticks[-1].metrics.values())


def test_the_seed_decides_the_run(name: str, dataset: PreparedDataset) -> None:
    runs = [start(name, dataset, seed=seed) for seed in (0, 0, 1)]
    for run in runs:
        run.run(lambda tick: None)
    assert_same(weights(runs[0]), weights(runs[1]))
    assert not torch.equal(next(iter(weights(runs[0]).values())), next(iter(weights(runs[2]).values())))


def test_an_interrupted_run_goes_on_bit_for_bit(name: str, dataset: PreparedDataset, tmp_path: Path) -> None:
    whole = start(name, dataset)
    whole.run(lambda tick: None)

    class Stop(Exception):
        pass

    def stop_at_three(tick: Tick) -> None:
        if tick.step == 3:
            raise Stop

    half = start(name, dataset)
    with pytest.raises(Stop):
        half.run(stop_at_three, tick_seconds=0)
    checkpoint.save(tmp_path / "checkpoint.pt", half.state_dict())
    torch.manual_seed(99)
    rest = start(name, dataset)
    rest.load_state_dict(checkpoint.load(tmp_path / "checkpoint.pt"))
    assert rest.step == 3
    rest.run(lambda tick: None)
    assert_same(weights(whole), weights(rest))


def test_training_leaves_no_gradient_switched_on(name: str, dataset: PreparedDataset) -> None:
    training = start(name, dataset)
    training.run(lambda tick: None)
    assert not any(p.requires_grad for p in training.model.parameters())


def test_every_image_is_seen_once_an_epoch(dataset: PreparedDataset) -> None:
    training = start("dcgan", dataset, batch_size=10, flip=False)
    epoch = torch.cat([training.batch(begin).images for begin in range(0, 50, 10)])
    seen = sorted(image.numpy().tobytes() for image in epoch)
    images = torch.from_numpy(np.array(dataset.images)).permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()
    assert seen == sorted(image.numpy().tobytes() for image in images)
    assert not torch.equal(training.batch(50).images, training.batch(0).images)


def test_a_data_set_that_says_so_is_never_mirrored(dataset: PreparedDataset) -> None:
    assert not dataset.mirrorable
    plain, flipped = (start("dcgan", dataset, batch_size=50, flip=flip).batch(0).images for flip in (False, True))
    assert torch.equal(plain, flipped)


def test_flips_mirror_about_half_of_the_images(dataset: PreparedDataset) -> None:
    dataset = replace(dataset, mirrorable=True)
    plain, flipped = (start("dcgan", dataset, batch_size=50, flip=flip).batch(0).images for flip in (False, True))
    mirrored = [torch.equal(a.flip(2), b) for a, b in zip(plain, flipped, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(plain, flipped, strict=True)]
    assert all(m or k for m, k in zip(mirrored, kept, strict=True))
    assert 10 <= sum(kept) <= 40


def test_previews_show_the_average_from_the_same_latents(dataset: PreparedDataset) -> None:
    training = start("dcgan", dataset)
    before = training.preview()
    assert before.shape == (64, 16, 16, 3)
    assert before.dtype == np.uint8
    assert np.array_equal(before, training.preview())
    training.run(lambda tick: None)
    assert not np.array_equal(before, training.preview())


def poison(model: GenerativeModel, times: int) -> None:
    """Make the first `times` losses of the discriminator not a number."""
    healthy, left = model.discriminator_losses, [times]  # type: ignore[attr-defined]

    def losses(batch: Batch) -> dict[str, torch.Tensor]:
        left[0] -= 1
        found: dict[str, torch.Tensor] = healthy(batch)
        return found | {"loss": found["loss"] * float("nan")} if left[0] >= 0 else found

    model.discriminator_losses = losses  # type: ignore[attr-defined]


def start_poisoned(dataset: PreparedDataset, times: int, steps: int) -> Training:
    cls = architectures["dcgan"]
    hp = cls.hyperparameters("debug", steps=steps, batch_size=2)
    model = cls(hp, dataset.spec)
    poison(model, times)
    return Training(model, dataset, hp, device=CPU, seed=0)


def test_a_step_with_infinite_gradients_changes_nothing(dataset: PreparedDataset) -> None:
    training = start_poisoned(dataset, times=1, steps=1)
    before = [p.clone() for p in training.model.discriminator.parameters()]  # type: ignore[union-attr, operator]
    training.run(lambda tick: None)
    assert all(torch.equal(a, b) for a, b in zip(before, training.model.discriminator.parameters(), strict=True))  # type: ignore[union-attr, operator, arg-type]


def test_a_run_of_nothing_but_infinite_gradients_ends_in_words(dataset: PreparedDataset) -> None:
    training = start_poisoned(dataset, times=10**6, steps=10 * PATIENCE)
    with pytest.raises(TrainingDiverged, match=r"discriminator were not finite .* in a row .* lower learning rate"):
        training.run(lambda tick: None)
    assert training.step < 2 * PATIENCE


def test_the_average_starts_at_the_weights_and_then_lags() -> None:
    average, module = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(average.weight)
    torch.nn.init.ones_(module.weight)
    update_average(average, module, batch_size=100, images_seen=10**9, half_life=100)
    assert average.weight.item() == pytest.approx(0.5)
    update_average(average, module, batch_size=100, images_seen=100, half_life=10**6)  # reach: 5 images
    assert average.weight.item() == pytest.approx(1.0, abs=1e-5)
    torch.nn.init.zeros_(average.weight)
    update_average(average, module, batch_size=100, images_seen=100, half_life=0)
    assert average.weight.item() == 1.0
