"""DCGAN's variants, by their formulas."""

import pytest
import torch
from torch.nn.functional import softplus

from atelier.models.base import Batch, ImageSpec
from atelier.models.dcgan import DCGAN

SPEC = ImageSpec(channels=3, resolution=16)


def build(variant: str) -> DCGAN:
    torch.manual_seed(0)
    hp = DCGAN.hyperparameters("debug", variant=variant, augment="none")
    assert isinstance(hp, DCGAN.Hyperparameters)
    return DCGAN(hp, SPEC)


@pytest.fixture
def batch() -> Batch:
    return Batch(
        images=torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1, labels=torch.zeros(8, dtype=torch.int64)
    )


def phases(model: DCGAN) -> dict[str, int]:
    return {phase.name: phase.interval for stage in model.stages() for phase in stage.phases}


@pytest.mark.parametrize("variant", ["sn-hinge", "classic"])
def test_two_players_and_with_r1_a_lazy_penalty(variant: str) -> None:
    assert phases(build(variant)) == {"discriminator": 1, "generator": 1}
    assert phases(build("r1")) == {"discriminator": 1, "r1": 4, "generator": 1}


def test_hinge_counts_what_is_within_the_margin(batch: Batch) -> None:
    model = build("sn-hinge")
    model.discriminator = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(768, 1))  # type: ignore[assignment]
    torch.nn.init.zeros_(model.discriminator[1].weight)  # type: ignore[index]
    torch.nn.init.constant_(model.discriminator[1].bias, 0.1)  # type: ignore[index]
    assert model.generator_losses(batch)["loss"].item() == pytest.approx(-0.1)
    assert model.discriminator_losses(batch)["loss"].item() == pytest.approx((0.25 - 0.1) + (0.25 + 0.1))


@pytest.mark.parametrize("variant", ["classic", "r1"])
def test_the_logistic_game_is_the_paper_s(variant: str, batch: Batch) -> None:
    model = build(variant)
    model.discriminator = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(768, 1))  # type: ignore[assignment]
    torch.nn.init.zeros_(model.discriminator[1].weight)  # type: ignore[index]
    torch.nn.init.constant_(model.discriminator[1].bias, 0.3)  # type: ignore[index]
    assert model.generator_losses(batch)["loss"].item() == pytest.approx(softplus(torch.tensor(-0.3)).item())
    assert model.discriminator_losses(batch)["loss"].item() == pytest.approx(
        (softplus(torch.tensor(-0.3)) + softplus(torch.tensor(0.3))).item()
    )


def test_the_r1_penalty_is_the_squared_gradient_on_real_images(batch: Batch) -> None:
    model = build("r1")
    linear = torch.nn.Linear(768, 1)
    model.discriminator = torch.nn.Sequential(torch.nn.Flatten(), linear)  # type: ignore[assignment]
    losses = model.r1_losses(batch)
    assert losses["penalty"].item() == pytest.approx(linear.weight.square().sum().item(), rel=1e-5)
    assert losses["loss"].item() == pytest.approx(losses["penalty"].item() * 10 / 2 * 4, rel=1e-5)  # gamma 10, every fourth step


def test_only_the_default_discriminator_is_spectrally_normed_and_only_the_classic_one_has_batch_norm() -> None:
    for variant in ("sn-hinge", "classic", "r1"):
        discriminator = build(variant).discriminator
        assert any("parametrizations" in name for name, _ in discriminator.named_parameters()) == (variant == "sn-hinge")
        assert any(isinstance(m, torch.nn.BatchNorm2d) for m in discriminator.modules()) == (variant == "classic")
