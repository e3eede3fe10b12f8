"""The loop: what it promises whatever the architecture."""

import copy
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.models import architectures
from atelier.models.base import Batch, GenerativeModel, Hyperparameters, Losses, Stage
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
    hp: Hyperparameters = cls.hyperparameters("debug", **{"steps": 6, "batch_size": 8, "precision": "float32"} | chosen)
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
    training = start(name, dataset)
    steps = sum(stage.steps for stage in training.stages)
    training.run(ticks.append, tick_seconds=1e9)
    assert [tick.step for tick in ticks] == [1, steps]
    assert ticks[-1].total_steps == steps >= 6
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
    first, other = (next(run.model.generator.parameters()) for run in (runs[0], runs[2]))
    assert not torch.equal(first, other)


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


def test_parts_of_a_batch_add_up_to_its_gradient(dataset: PreparedDataset) -> None:
    """Without noise: the discriminator's penalty on real pictures alone."""

    def gradients(accumulate: int) -> list[torch.Tensor]:
        training = start("dcgan", dataset, variant="r1", r1_interval=1, accumulate=accumulate, augment="none")
        (penalty,) = (phase for phase in training.stages[0].phases if phase.name == "r1")
        training.learning_rate_factor = 0.0
        training.optimise(penalty, training.batches.take(0), 0)
        return [p.grad for p in penalty.module.parameters() if p.grad is not None]

    for whole, summed in zip(gradients(1), gradients(4), strict=True):
        assert torch.allclose(whole, summed, rtol=1e-4, atol=1e-7)


def test_a_batch_that_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="a batch of 8 can't be cut into 3 equal parts"):
        architectures["dcgan"].hyperparameters("debug", batch_size=8, accumulate=3)


@pytest.mark.parametrize(
    "chosen", [{"schedule": "cosine", "warmup_steps": 2, "gradient_clip": 0.1, "accumulate": 2}, {"precision": "bfloat16"}]
)
def test_every_choice_of_how_to_optimise_is_resumed_bit_for_bit(name: str, dataset: PreparedDataset, chosen: dict[str, Any]) -> None:
    whole, half, rest = (start(name, dataset, **chosen) for _ in range(3))
    whole.run(lambda tick: None)
    for _ in range(3):
        half.advance()
    rest.load_state_dict(copy.deepcopy(half.state_dict()))
    rest.run(lambda tick: None)
    assert_same(weights(whole), weights(rest))


def test_a_run_keeps_its_precision_on_another_machine(dataset: PreparedDataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    here = start("dcgan", dataset, precision="auto")
    checkpoint.save(tmp_path / "checkpoint.pt", here.state_dict())
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": False}, raising=False)
    there = start("dcgan", dataset, precision="auto")
    assert there.precision == torch.float32
    there.load_state_dict(checkpoint.load(tmp_path / "checkpoint.pt"))
    assert there.precision == torch.bfloat16


def test_long_gradients_are_shortened(dataset: PreparedDataset) -> None:
    free, clipped = (start("dcgan", dataset, gradient_clip=clip, steps=1) for clip in (0.0, 1e-3))
    norms = []
    for training in (free, clipped):
        training.run(lambda tick: None)
        norms.append(torch.nn.utils.get_total_norm([p.grad for p in training.model.discriminator.parameters()]))  # type: ignore[union-attr, operator, misc]
    assert norms[0] > 0.01
    assert norms[1] == pytest.approx(1e-3, rel=1e-3)


def test_the_learning_rates_follow_the_schedule(dataset: PreparedDataset) -> None:
    training = start("dcgan", dataset, schedule="linear", warmup_steps=1, steps=4)
    (stage,) = training.stages
    chosen = [phase.optimizer.param_groups[0]["lr"] for phase in stage.phases]
    factors = []
    while not training.done:
        training.advance()
        factors.append(training.learning_rate_factor)
        for phase, rate in zip(stage.phases, chosen, strict=True):
            assert phase.optimizer.param_groups[0]["lr"] == pytest.approx(rate * factors[-1])
    assert factors == pytest.approx([0.5, 0.75, 0.5, 0.25])


def test_a_run_by_the_clock_ends_in_time_whatever_its_steps(dataset: PreparedDataset) -> None:
    training = start("dcgan", dataset, minutes=1 / 60, steps=10_000_000)
    ticks: list[Tick] = []
    training.run(ticks.append)
    assert training.done
    assert 1.0 <= training.seconds < 10.0
    assert ticks[-1].last
    assert ticks[-1].step == ticks[-1].total_steps == training.step
    guesses = [tick.total_steps for tick in ticks[1:]]
    assert all(0.2 * training.step < guess < 5 * training.step for guess in guesses)


def test_epochs_decide_the_steps() -> None:
    hp = architectures["dcgan"].hyperparameters("debug", batch_size=16, epochs=2.5)
    assert hp.for_images(50).steps == 8  # 125 images
    with pytest.raises(ValueError, match="epochs or minutes, not both"):
        architectures["dcgan"].hyperparameters("debug", epochs=1, minutes=1)


def test_a_finished_run_that_goes_on_is_as_one_that_was_longer(name: str, dataset: PreparedDataset) -> None:
    last = "steps_stage2" if name == "stackgan" else "steps"  # of its last stage
    long, short, more = (start(name, dataset, **{last: steps}) for steps in (6, 4, 4))
    long.run(lambda tick: None)
    short.run(lambda tick: None)
    more.load_state_dict(copy.deepcopy(short.state_dict()))
    assert more.done
    more.extend(2)
    assert more.total_steps == long.total_steps
    more.run(lambda tick: None)
    assert_same(weights(long), weights(more))


class Stages(architectures["vae"]):  # type: ignore[misc]
    """An architecture with two stages."""

    def stages(self) -> list[Stage]:
        (stage,) = super().stages()
        return [replace(stage, name="first", steps=2), replace(stage, name="second", steps=4)]


def test_stages_follow_one_another_and_are_resumed_in_their_midst(dataset: PreparedDataset) -> None:
    def begin() -> Training:
        hp = architectures["vae"].hyperparameters("debug", batch_size=8, schedule="linear")
        torch.manual_seed(0)
        return Training(Stages(hp, dataset.spec), dataset, hp, device=CPU, seed=0)

    ticks: list[Tick] = []
    whole = begin()
    whole.run(ticks.append, tick_seconds=0)
    assert [tick.stage for tick in ticks] == ["first"] * 2 + ["second"] * 4
    assert [tick.metrics["training/learning_rate_factor"] for tick in ticks] == pytest.approx([1, 0.5, 1, 0.75, 0.5, 0.25])
    for steps in (1, 2, 3):
        half, rest = begin(), begin()
        for _ in range(steps):
            half.advance()
        rest.load_state_dict(copy.deepcopy(half.state_dict()))
        rest.run(lambda tick: None)
        assert_same(weights(whole), weights(rest))


def test_losses_are_told_the_step_of_their_stage(dataset: PreparedDataset) -> None:
    hp = architectures["vae"].hyperparameters("debug", batch_size=8, accumulate=2)
    training = Training(Stages(hp, dataset.spec), dataset, hp, device=CPU, seed=0)
    seen = []
    [losses] = {stage.phases[0].losses for stage in training.stages}

    def watched(batch: Batch) -> Losses:
        seen.append((batch.step, len(batch.images)))
        return losses(batch)

    training.stages = [replace(stage, phases=[replace(stage.phases[0], losses=watched)]) for stage in training.stages]
    training.run(lambda tick: None)
    assert seen == [(step, 4) for step in (0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3)]


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # torch's own, while it looks at inputs
def test_compiled_networks_train_alike(dataset: PreparedDataset) -> None:
    plain, compiled = (start("vae", dataset, compile=compile, steps=2) for compile in (False, True))
    for training in (plain, compiled):
        training.run(lambda tick: None)
    for a, b in zip(plain.model.parameters(), compiled.model.parameters(), strict=True):
        # Adam's first steps are as long as the learning rate wherever a gradient points, also where it is nothing but round-off.
        assert ((a - b).abs() > 1e-3).float().mean() < 0.01


def test_compiling_without_a_compiler_is_refused_in_words(dataset: PreparedDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match=r"compile needs a C\+\+ compiler"):
        start("vae", dataset, compile=True)


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


def test_a_stage_goes_on_from_the_average_of_the_one_before(dataset: PreparedDataset) -> None:
    training = start("stackgan", dataset, steps=4, text_steps=4)
    while training.stage_index < 2:
        assert training.stages[training.stage_index].name in ("text", "stage1")
        training.advance()
    for name in ("encoder", "first"):
        own, average = (getattr(generator, name).state_dict() for generator in (training.model.generator, training.average))
        assert [key for key in own if not torch.equal(own[key], average[key])] == []
