"""StackGAN: conditioning augmentation that is linear, and a second stage that stands on the first."""

import copy
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import avg_pool2d

from atelier.models.base import Batch, ImageSpec
from atelier.models.stackgan import ConditioningAugmentation, StackGAN, StackGANHyperparameters, enlarged, marred

SPEC = ImageSpec(channels=3, resolution=16)
CAPTIONS = ("a red cat", "a dog", "a cup", "two birds")


def build(**chosen: Any) -> StackGAN:
    torch.manual_seed(0)
    hp = StackGAN.hyperparameters("debug", augment="none", thinning=0, **chosen)
    assert isinstance(hp, StackGANHyperparameters)
    return StackGAN(hp, SPEC).train()


def batch() -> Batch:
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return Batch(images=images, labels=torch.zeros(4, dtype=torch.int64), attributes=torch.zeros(4, 0), captions=CAPTIONS)


def test_the_divergence_is_that_of_two_gaussians() -> None:
    augmentation = ConditioningAugmentation(6, 5)
    with torch.no_grad():
        augmentation.layer.weight.normal_()
    sentences, noise = torch.randn(7, 6), torch.randn(7, 5)
    c, divergence = augmentation(sentences, noise)
    mean, log_variance = augmentation.layer(sentences).chunk(2, dim=1)
    deviation = (log_variance / 2).exp()
    torch.testing.assert_close(divergence, kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)))
    torch.testing.assert_close(c, mean + deviation * noise)


def test_mean_and_deviation_can_be_below_what_rectified_units_allow() -> None:
    augmentation = ConditioningAugmentation(16, 32)
    c, _ = augmentation(torch.randn(64, 16), torch.zeros(64, 32))
    assert (c < 0).any()
    near = torch.zeros(64, 16)
    augmentation.layer.bias.data[32:] = -4
    spread = augmentation(near, torch.ones(64, 32))[0] - augmentation(near, torch.zeros(64, 32))[0]
    assert (spread < 0.2).all()


def test_until_stage_two_is_trained_stage_ones_images_are_enlarged() -> None:
    model = build().eval()
    z, sentences = torch.randn(2, model.generator.latent_dim), torch.randn(2, 32)
    small, _ = model.generator.first(sentences, z[:, 100:116], z[:, :100])
    images = model.generator(z, sentences)
    torch.testing.assert_close(images, enlarged(small, 2).tanh())
    model.train()
    model.draw_large(batch())
    assert model.generator.refined
    assert not torch.equal(model.eval().generator(z, sentences), images)


def test_stage_two_leaves_stage_one_alone() -> None:
    model = build()
    *_, second = model.stages()
    before = copy.deepcopy(model.generator.first.state_dict())
    model.requires_grad_(False)
    for phase in second.phases:
        phase.module.requires_grad_(True)
        phase.losses(batch())["loss"].backward()
        phase.optimizer.step()
        phase.module.requires_grad_(False)
    assert all(torch.equal(before[key], value) for key, value in model.generator.first.state_dict().items())  # its statistics too


def test_stage_one_sees_small_images_and_stage_two_large_ones() -> None:
    model = build()
    seen: list[tuple[int, ...]] = []
    for discriminator in (model.first_discriminator, model.second_discriminator):
        discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(tuple(inputs[0].shape)))
    model.draw_small(batch())
    model.judge_small(batch())
    model.draw_large(batch())
    model.judge_large(batch())
    assert seen == [(4, 3, 8, 8), (8, 3, 8, 8), (4, 3, 16, 16), (8, 3, 16, 16)]
    torch.testing.assert_close(model.reduced(batch().images), avg_pool2d(batch().images, 2))


@pytest.mark.parametrize("stage", ["first", "second"])
def test_losses_add_up(stage: str) -> None:
    weights = {"kl_weight": 3.0, "matching_weight": 0.5, "word_weight": 0, "reconstruction_weight": 1.5, "diversity_weight": 2.0}
    model = build(**weights, restoration_weight=2.5).eval()
    model.matching.NOISE = 0.0
    losses = model.draw_small(batch()) if stage == "first" else model.draw_large(batch())
    game = getattr(model, f"{stage}_game")
    sentences, drawn = game.drawn[0]
    matched, real = (
        model.matching.surprise(model.matching(model.reduced(images)), sentences, CAPTIONS)[0] for images in (drawn, batch().images)
    )
    unconvincing = -game.judge(drawn, sentences).sum(dim=1).mean()
    assert len(drawn) == 4
    assert ("spread" in losses) == (stage == "first")  # what differs is Stage I's to draw
    expected = unconvincing + 3 * losses["kl"] + 0.5 * (matched - real).clamp(min=0).mean() - 2 * losses.get("spread", 0)
    own = model.reduced(batch().images) if stage == "first" else batch().images
    expected = expected + 1.5 * (drawn - own).abs().mean()
    if stage == "second":
        expected = expected + 2.5 * (drawn[2:] - own[2:]).abs().mean()  # the half that was restored
    torch.testing.assert_close(losses["loss"], expected)


def test_stage_two_is_also_judged_without_the_caption() -> None:
    model = build(mismatch=0.0).eval()
    model.draw_large(batch())
    sentences, drawn = model.second_game.drawn[0]
    real = model.second_game.judge(batch().images, sentences)
    fake = model.second_game.judge(drawn, sentences)
    assert real.shape == (4, 2)
    expected = torch.relu(0.25 - real).sum(dim=1).mean() + torch.relu(0.25 + fake).sum(dim=1).mean()
    torch.testing.assert_close(model.judge_large(batch())["loss"], expected)


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_half_of_what_stage_two_is_given_are_real_images_made_small_and_marred(weight: float, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build(restoration_weight=weight).eval()
    monkeypatch.setattr("atelier.models.stackgan.marred", lambda images: images)
    given: list[torch.Tensor] = []
    model.generator.second.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0].tanh()))
    losses = model.draw_large(batch())
    real = torch.isclose(given[0], model.reduced(batch().images), atol=1e-4).flatten(1).all(dim=1)
    assert real.tolist() == [False, False, *[weight > 0] * 2]
    assert ("restoration" in losses) == (weight > 0)


def test_marred_images_differ_each_by_its_own_amount_and_stay_in_range() -> None:
    torch.manual_seed(0)
    images = torch.full((64, 3, 16, 16), 0.9)
    images[:, :, 4:12, 4:12] = -0.9
    made = marred(images)
    assert made.abs().max() <= 1
    changes = (made - images).abs().mean(dim=(1, 2, 3))
    assert changes.min() < 0.1 < 0.2 < changes.max() < 0.7
    edges = (made[:, 0, 8, :8] > 0).sum(dim=1)
    assert len(edges.unique()) > 1  # warped


@pytest.mark.parametrize("refinement", ["residual", "unet"])
def test_details_of_stage_one_reach_stage_twos_images(refinement: str) -> None:
    second = build(refinement=refinement, discriminator_width_stage2=4).eval().generator.second
    small = torch.randn(1, 3, 8, 8, requires_grad=True)
    images, _ = second(small, torch.randn(1, 32), torch.zeros(1, 16))
    torch.nn.init.zeros_(second.joint[0].weight)  # so that the way through the smallest features is cut
    cut, _ = second(small, torch.randn(1, 32), torch.zeros(1, 16))
    (gradient,) = torch.autograd.grad(cut[0, 0, 8, 8], small)
    assert images.shape == (1, 3, 16, 16)
    assert gradient[0, :, 4, 4].abs().max() > 0


def test_without_restoring_what_is_drawn_is_added_to_what_stage_one_drew() -> None:
    second = build(refinement="residual").eval().generator.second
    torch.nn.init.zeros_(second.up[-1].weight)
    torch.nn.init.zeros_(second.up[-1].bias)
    small = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(second(small, torch.randn(2, 32), torch.zeros(2, 16))[0], enlarged(small, 2))


def test_stage_twos_discriminator_can_be_narrower() -> None:
    model = build(discriminator_width=8, discriminator_width_stage2=4)
    assert [d.layers[0].out_channels for d in (model.first_discriminator, model.second_discriminator)] == [8, 4]
    model = build(discriminator_width=8)
    assert model.second_discriminator.layers[0].out_channels == 8


def test_a_run_can_begin_with_stage_two() -> None:
    assert [stage.name for stage in build().stages()] == ["text", "stage1", "stage2"]
    assert [stage.name for stage in build(first_stage=2).stages()] == ["stage2"]


def test_stage_one_needs_eight_pixels() -> None:
    with pytest.raises(ValidationError, match="Stage I would draw 4 pixels"):
        StackGAN.hyperparameters("debug", scale=4)
    model = StackGAN(StackGAN.hyperparameters("debug", scale=4, resolution=64), ImageSpec(3, 64)).eval()  # type: ignore[arg-type]
    model.generator.refined.fill_(True)
    assert model.generator(*model.generator.inputs([1])).shape == (1, 3, 64, 64)
