"""StyleGAN's pieces against the formulas of its papers, at tiny sizes."""

import math
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, softplus

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.models.augment import Augmentation, diff_augment
from atelier.models.base import Batch, ConditionalGenerator, Generator, ImageSpec, latents
from atelier.models.stylegan import (
    Cut,
    Discriminator,
    EqualConv,
    EqualLinear,
    Fir,
    ModulatedConv,
    StyleGAN,
    StyleGenerator,
    StyleLayer,
    with_deviation,
)
from atelier.training.loop import Tick, Training

SPEC = ImageSpec(channels=3, resolution=16, num_classes=3, num_attributes=2)
STYLES = 6  # of 16 px


def build(**chosen: Any) -> StyleGAN:
    torch.manual_seed(0)
    hp = StyleGAN.hyperparameters("debug", **{"augment": "none"} | chosen)
    assert isinstance(hp, StyleGAN.Hyperparameters)
    return StyleGAN(hp, SPEC)


def noisy(model: StyleGAN) -> StyleGenerator:
    """Its generator in evaluation mode, in which noise counts as it does after training."""
    for layer in model.generator.layers:
        nn.init.constant_(layer.strength, 0.5)  # type: ignore[arg-type]
    return model.generator.eval()


@pytest.fixture
def batch() -> Batch:
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Batch(images=images, labels=torch.arange(8) % 3, attributes=torch.tensor([(0.0, 1), (1, 0)] * 4))


# ---------------------------------------------------------------------------------------------------------------------- layers


def modulated(layer: ModulatedConv, x: Tensor, w: Tensor) -> Tensor:
    y, norm = layer(x, w)
    return y if norm is None else y * norm


def doubled(x: Tensor) -> Tensor:
    """Every pixel between three zeros, as [1, 3, 3, 1] will be filtered."""
    n, channels, height, width = x.shape
    out = torch.zeros(n, channels, 2 * height, 2 * width)
    out[:, :, ::2, ::2] = x
    return out


@pytest.mark.parametrize("demodulate", [True, False])
def test_a_modulated_convolution_has_a_kernel_for_each_image(demodulate: bool) -> None:
    torch.manual_seed(0)
    layer = ModulatedConv(5, 7, 3, 4, demodulate=demodulate)
    x, w = torch.randn(3, 5, 8, 8), torch.randn(3, 4)
    found = modulated(layer, x, w)
    for n in range(3):
        style = w[n] @ layer.affine.weight.T / 2 + 1  # √4 inputs; biases begin at 1
        kernel = layer.weight / math.sqrt(5 * 9) * style[None, :, None, None]  # eq. 1
        if demodulate:
            kernel = kernel / (kernel.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()  # eq. 3
        torch.testing.assert_close(found[n], conv2d(x[n : n + 1], kernel, padding=1)[0], rtol=1e-4, atol=1e-5)


def test_whatever_the_style_demodulated_outputs_have_the_variance_of_the_inputs() -> None:
    torch.manual_seed(0)
    layer = ModulatedConv(32, 8, 3, 4)
    y = modulated(layer, torch.randn(2, 32, 66, 66), torch.tensor([[9.0, -9, 3, 1], [0.1, 0, 0, 0]]))
    variance = y[:, :, 1:-1, 1:-1].var(dim=(2, 3))
    torch.testing.assert_close(variance, torch.ones(2, 8), rtol=0.15, atol=0)


def test_doubling_convolves_what_was_doubled_by_the_filter() -> None:
    torch.manual_seed(0)
    layer = ModulatedConv(5, 7, 3, 4, up=True)
    nn.init.zeros_(layer.affine.weight)  # a style of ones
    x = torch.randn(2, 5, 8, 8)
    side = torch.tensor([1.0, 3, 3, 1]) / 4
    smooth = conv2d(doubled(x).view(10, 1, 16, 16), torch.outer(side, side)[None, None], padding=2)[:, :, :-1, :-1].view(2, 5, 16, 16)
    expected = conv2d(smooth, layer.weight.flip(2, 3) / math.sqrt(45), padding=1)
    y, _ = layer(x, torch.randn(2, 4))
    assert y.shape == (2, 7, 16, 16)
    inside = slice(3, -3)  # at the borders it matters what was cut when
    torch.testing.assert_close(y[..., inside, inside], expected[..., inside, inside], rtol=1e-4, atol=1e-5)


def test_an_image_is_doubled_as_its_layers_are() -> None:
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    filtered = Fir()(doubled(x), padding=2, gain=4.0)[:, :, :-1, :-1]
    bilinear = interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(filtered[..., 1:-1, 1:-1], bilinear[..., 1:-1, 1:-1])


def test_halving_weighs_four_pixels_by_one_three_three_one() -> None:
    layer = EqualConv(2, 2, 1, bias=False, down=True)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(2)[:, :, None, None] * math.sqrt(2))  # nothing but the filter
    x = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    y = layer(x)
    assert y.shape == (1, 2, 4, 4)
    weights = torch.tensor([1.0, 3, 3, 1]) / 8
    torch.testing.assert_close(y[0, :, 2, 1], torch.einsum("cij,i,j->c", x[0, :, 3:7, 1:5], weights, weights))


def test_weights_are_kept_at_variance_one_and_scaled_when_used() -> None:
    torch.manual_seed(0)
    linear, slow, conv = EqualLinear(400, 300), EqualLinear(400, 300, bias=1.0, rate=0.01), EqualConv(50, 60, 3, bias=False)
    assert linear.weight.std().item() == pytest.approx(1, rel=0.02)
    assert slow.weight.std().item() == pytest.approx(100, rel=0.02)
    assert conv.weight.std().item() == pytest.approx(1, rel=0.02)
    x = torch.randn(200, 400)
    assert linear(x).std().item() == pytest.approx(1, rel=0.05)
    assert (slow(x) - 1).std().item() == pytest.approx(1, rel=0.05)
    assert conv(torch.randn(4, 50, 20, 20))[:, :, 1:-1, 1:-1].std().item() == pytest.approx(1, rel=0.05)
    for layer, speed in ((linear, 1.0), (slow, 0.01)):  # Adam moves every weight by the learning rate
        before = layer(x)
        with torch.no_grad():
            layer.weight += 1e-2
        torch.testing.assert_close(layer(x) - before, (x.sum(1, keepdim=True) / 20 * speed * 1e-2).expand(-1, 300), rtol=0, atol=1e-4)


def test_layers_neither_swell_nor_shrink_what_passes_through() -> None:
    torch.manual_seed(0)
    layer = StyleLayer(64, 64, 16, 8, up=False)
    y = layer(torch.randn(4, 64, 16, 16), torch.randn(4, 8), None)
    assert y.square().mean().item() == pytest.approx(1, rel=0.1)


def test_the_spread_of_a_group_is_a_channel_of_its_own() -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 3, 4, 4)
    x[4:] = x[4]  # the second group draws always the same
    y = with_deviation(x)
    assert y.shape == (8, 4, 4, 4)
    assert torch.equal(y[:, :3], x)
    expected = x[:4].std(dim=0, correction=0).mean().item()
    assert y[:4, 3].flatten().tolist() == pytest.approx([expected] * 64, rel=1e-4)
    assert y[4:, 3].flatten().tolist() == pytest.approx([0.0] * 64, abs=1e-3)
    for n, group in ((6, 3), (2, 2), (5, 1)):  # what divides the batch
        expected = x[:group].std(dim=0, correction=0).mean().item()
        assert with_deviation(x[:n])[0, 3, 0, 0].item() == pytest.approx(expected, abs=1e-3)


# ------------------------------------------------------------------------------------------------------------------- generator


def test_the_mapping_looks_at_the_direction_of_z_alone() -> None:
    generator = build().generator.eval()
    z = latents([1, 2], 32)
    torch.testing.assert_close(generator.styles(z), generator.styles(3 * z))


def test_truncation_moves_styles_towards_the_average() -> None:
    generator = build().generator.eval()
    generator.w_average.normal_()
    z = latents([1, 2, 3], 32)
    w = generator.styles(z)
    assert w.shape == (3, STYLES, 32)
    average = generator.w_average.expand_as(w)
    torch.testing.assert_close(generator.styles(z, truncation_psi=0.0), average)
    torch.testing.assert_close(generator.styles(z, truncation_psi=0.5), (w + average) / 2)
    assert torch.equal(generator.styles(z, truncation_psi=1.0), w)
    cut = generator.styles(z, truncation_psi=0.0, truncation_cutoff=2)
    torch.testing.assert_close(cut[:, :2], average[:, :2])
    assert torch.equal(cut[:, 2:], w[:, 2:])
    images = generator(z, truncation_psi=0.0)
    assert torch.equal(images[0], images[1])
    assert torch.equal(generator(z, truncation_psi=0.0, truncation_cutoff=0), generator(z))


def test_the_average_style_follows_training_and_not_drawing(batch: Batch) -> None:
    model = build(style_mixing=0.0)
    generator = model.generator.train()
    z = torch.randn(64, 32)
    generator(z)
    torch.testing.assert_close(generator.w_average, generator.styles(z).mean(dim=(0, 1)) * 0.002)
    before = generator.w_average.clone()
    generator.eval()(z)
    model.train().path_length_losses(batch)
    assert torch.equal(generator.w_average, before)


def test_constant_noise_is_the_same_for_all_and_none_is_none() -> None:
    generator = noisy(build())
    z = latents([1, 2], 32)
    w = generator.styles(z)
    assert torch.equal(generator(z, noise_mode="const"), generator(z))
    assert torch.equal(generator.synthesis(w[[0, 0]])[0], generator.synthesis(w[[0, 0]])[1])
    without = generator(z, noise_mode="none")
    assert not torch.allclose(without, generator(z), atol=0.01)
    for layer in generator.layers:
        nn.init.zeros_(layer.strength)  # type: ignore[arg-type]
    torch.testing.assert_close(generator(z), without)


def test_random_noise_depends_on_the_seed_alone() -> None:
    generator = noisy(build())
    w = generator.styles(latents([1, 2, 3], 32))
    together = generator.synthesis(w, noise_mode="random", seeds=[1, 2, 3])
    alone = generator.synthesis(w[1:2], noise_mode="random", seeds=[2])
    torch.testing.assert_close(together[1:2], alone, rtol=0, atol=1e-5)
    assert not torch.allclose(together[1:2], generator.synthesis(w[1:2], noise_mode="random", seeds=[4]), atol=0.01)
    free = [generator.synthesis(w, noise_mode="random") for _ in range(2)]
    assert not torch.allclose(*free, atol=0.01)
    assert not torch.allclose(*generator.synthesis(w[[0, 0]], noise_mode="random").chunk(2), atol=0.01)
    noise = generator._noises(1, "random", [2])[0]
    assert noise is not None
    assert not torch.allclose(noise.flatten(), latents([2], 16)[0])  # z's own numbers, if it began with the same seed


def test_each_style_steers_its_own_layer() -> None:
    generator = build().generator.train()  # values beyond ±1 show, too
    seen: dict[int, list[Tensor]] = {}
    for index, layer in enumerate(generator.layers):
        layer.register_forward_hook(lambda _, __, out, index=index: seen.setdefault(index, []).append(out.clone()))
    w = generator.styles(latents([1], 32))
    for changed in range(STYLES):
        other = w.clone()
        other[:, changed] = generator.styles(latents([2], 32))[:, changed]
        seen.clear()
        before, after = generator.synthesis(w), generator.synthesis(other)
        assert not torch.equal(before, after), changed
        same = [torch.equal(a, b) for a, b in seen.values()]
        assert same == [index < changed for index in range(STYLES - 1)]


def test_values_are_cut_when_it_draws_and_not_while_it_learns() -> None:
    generator = build().generator.train()
    w = 9 * generator.styles(latents(range(8), 32))
    raw = generator.synthesis(w)
    assert raw.abs().max() > 1
    torch.testing.assert_close(generator.eval().synthesis(w), raw.clamp(-1, 1))


def test_the_discriminator_is_shown_what_people_are_shown_and_the_way_back_from_beyond_stays_open(batch: Batch) -> None:
    values = torch.tensor([-1.5, -1.5, -0.5, 0.5, 1.5, 1.5], requires_grad=True)
    wished = torch.tensor([-1.0, 1, 1, -1, 1, -1])  # minus the way on which the loss falls
    cut = Cut.apply(values)
    assert cut.tolist() == [-1, -1, -0.5, 0.5, 1, 1]
    cut.backward(wished)
    assert values.grad is not None
    assert values.grad.tolist() == [-1, 0, 1, -1, 1, 0]
    model = build()
    for layer in model.generator.to_images:
        nn.init.constant_(layer.bias, 1.0)  # type: ignore[arg-type]
    model.generator_losses(batch)
    ((_, drawn),) = model.drawn
    assert drawn.abs().max() == 1


# ------------------------------------------------------------------------------------------------------------------ conditions


@pytest.mark.parametrize(("conditions", "count"), [("class", 3), ("attributes", 2)])
def test_a_condition_goes_to_both_players(conditions: str, count: int, batch: Batch) -> None:
    model = build(conditions=conditions, label_dropout=0.0)
    generator = model.generator.eval()
    assert isinstance(generator, ConditionalGenerator)
    assert isinstance(generator, StyleGenerator)
    assert generator.condition_dim == count
    z, one_hot = latents([1, 1], 32), torch.eye(count)[:2]
    images = generator(z, one_hot)
    assert not torch.allclose(images[0], images[1], atol=0.01)
    logits = model.discriminator(images[[0, 0]], one_hot)
    assert not torch.allclose(logits[0], logits[1], rtol=1e-3)
    torch.testing.assert_close(generator.styles(z, 5 * one_hot), generator.styles(z, one_hot))  # normalised like z
    assert generator(z, torch.zeros(2, count)).isfinite().all()
    assert model.asked(batch) is not None
    assert torch.equal(model.asked(batch), torch.eye(3)[batch.labels] if conditions == "class" else batch.attributes)  # type: ignore[arg-type]


def test_without_conditions_it_draws_from_z_alone(batch: Batch) -> None:
    model = build()
    assert not isinstance(model.generator, ConditionalGenerator)
    assert model.generator.condition_dim == 0
    assert model.asked(batch) is None
    assert model.discriminator.mapping is None
    assert StyleGAN.conditioned_on(model.hp) == "none"
    assert StyleGAN.conditioned_on(build(conditions="class").hp) == "class"


def test_both_players_see_an_image_under_the_same_condition(batch: Batch) -> None:
    model, shown = build(conditions="class", label_dropout=0.5), []

    class Watching(nn.Module):
        def forward(self, images: Tensor, condition: Tensor) -> Tensor:
            shown.append(condition)
            return images[:, :1, 0, 0]

    model.discriminator = Watching()  # type: ignore[assignment]
    model.generator_losses(batch)
    model.discriminator_losses(batch)
    assert len(shown) == 3
    assert torch.equal(shown[0], shown[1])
    assert torch.equal(shown[0], shown[2])
    assert 0 < shown[0].sum() < 8  # some were dropped


# -------------------------------------------------------------------------------------------------------------------- training


class Linear(nn.Module):
    """In a discriminator's place."""

    def __init__(self, bias: float = 0.0) -> None:
        super().__init__()
        self.linear = nn.Linear(768, 1)
        nn.init.constant_(self.linear.bias, bias)

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        logits: Tensor = self.linear(images.flatten(1))
        return logits


def test_the_game_is_the_logistic_one_that_does_not_saturate(batch: Batch) -> None:
    model = build()
    model.discriminator = Linear(0.3)  # type: ignore[assignment]
    nn.init.zeros_(model.discriminator.linear.weight)  # type: ignore[union-attr, arg-type]
    minus, plus = softplus(torch.tensor(-0.3)).item(), softplus(torch.tensor(0.3)).item()
    assert model.generator_losses(batch)["loss"].item() == pytest.approx(minus)
    losses = model.discriminator_losses(batch)
    assert losses["loss"].item() == pytest.approx(minus + plus)
    assert losses.keys() == {"loss", "real_logit", "fake_logit", "real_score", "fake_score", "real_sign", "fake_sign"}


def test_r1_is_the_squared_gradient_at_real_images_weighted_for_the_steps_without_it(batch: Batch) -> None:
    model = build(r1_gamma=3.0)
    model.discriminator = Linear()  # type: ignore[assignment]
    losses = model.r1_losses(batch)
    squared = model.discriminator.linear.weight.square().sum().item()  # type: ignore[union-attr, operator]
    assert losses["penalty"].item() == pytest.approx(squared, rel=1e-5)
    assert losses["loss"].item() == pytest.approx(squared * 3 / 2 * 16, rel=1e-5)


def test_gamma_follows_from_the_resolution_and_the_batch() -> None:
    assert build().r1_gamma == pytest.approx(0.0002 * 16**2 / 16)
    assert build(batch_size=32).r1_gamma == pytest.approx(0.0002 * 16**2 / 32)
    assert build(r1_gamma=0.0).r1_gamma == 0


class Straight(Generator):
    """Images that are linear in w: d image / d w is `slopes` [L · 32, 768], wherever."""

    num_styles = STYLES

    def __init__(self) -> None:
        super().__init__()
        self.slopes = nn.Parameter(torch.randn(STYLES * 32, 768, generator=torch.Generator().manual_seed(5)) / 30)

    def styles(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return z.clone().requires_grad_()

    def synthesis(self, w: Tensor, *, noise_mode: str) -> Tensor:
        return (w.flatten(1) @ self.slopes).view(-1, 3, 16, 16)


def test_the_path_length_is_how_far_an_image_moves_in_a_random_direction(batch: Batch) -> None:
    model = build()
    model.generator = Straight()  # type: ignore[assignment]
    torch.manual_seed(4)
    losses = model.path_length_losses(batch)
    torch.manual_seed(4)
    model.latents(4, torch.device("cpu"))  # half of the batch
    directions = torch.randn(4, 768) / 16
    slopes = (directions @ model.generator.slopes.T).view(4, STYLES, 32)  # type: ignore[operator]
    lengths = slopes.square().sum(dim=2).mean(dim=1).sqrt()
    average = 0.01 * lengths.mean()
    assert losses["length"].item() == pytest.approx(lengths.mean().item(), rel=1e-5)
    assert model.path_length.item() == pytest.approx(average.item(), rel=1e-5)
    assert losses["penalty"].item() == pytest.approx((lengths - average).square().mean().item(), rel=1e-5)
    assert losses["loss"].item() == pytest.approx(losses["penalty"].item() * 2 * 4, rel=1e-5)  # weight 2, every fourth step


def test_the_path_length_penalty_pulls_lengths_together(batch: Batch) -> None:
    model = build()
    model.path_length.fill_(0.05)  # far below
    optimizer = torch.optim.Adam(model.generator.parameters(), 2e-3)
    found = []
    for step in range(40):
        torch.manual_seed(step)
        losses = model.path_length_losses(batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
        found.append(losses["length"].item())
    assert sum(found[-5:]) < 0.7 * sum(found[:5])


def test_penalties_are_lazy_and_adam_allows_for_it() -> None:
    (stage,) = build(generator_learning_rate=0.005, discriminator_learning_rate=0.0034).stages()
    assert {phase.name: phase.interval for phase in stage.phases} == {"generator": 1, "path_length": 4, "discriminator": 1, "r1": 16}
    optimizers = {phase.name: phase.optimizer for phase in stage.phases}
    assert optimizers["generator"] is optimizers["path_length"]
    assert optimizers["discriminator"] is optimizers["r1"]
    for name, rate, share in (("generator", 0.005, 4 / 5), ("discriminator", 0.0034, 16 / 17)):
        (group,) = optimizers[name].param_groups
        assert group["lr"] == pytest.approx(rate * share)
        assert group["betas"] == pytest.approx((0, 0.99**share))
    (stage,) = build(path_length_weight=0.0).stages()
    assert [phase.name for phase in stage.phases] == ["generator", "discriminator", "r1"]
    (group,) = stage.phases[0].optimizer.param_groups
    assert (group["lr"], group["betas"]) == (0.0025, (0, 0.99))


def test_mixed_images_change_from_one_z_to_another_at_one_layer() -> None:
    cpu = torch.device("cpu")
    z = build(style_mixing=1.0).latents(64, cpu)
    assert z.shape == (64, STYLES, 32)
    changes = (z[:, 1:] != z[:, :-1]).any(dim=2)  # [N, L - 1]
    assert (changes.sum(dim=1) == 1).all()
    assert changes.any(dim=0).all()  # every layer is one to change at
    assert not (build(style_mixing=0.0).latents(64, cpu).diff(dim=1) != 0).any()
    changes = (build(style_mixing=0.5).latents(256, cpu).diff(dim=1) != 0).any(dim=2).any(dim=1)
    assert 90 < changes.sum() < 166


@pytest.mark.parametrize("augment", get_args(Augmentation))
def test_both_players_see_real_and_drawn_pictures_augmented(augment: Augmentation, batch: Batch) -> None:
    model, seen = build(augment=augment), []

    class Watching(nn.Module):
        def forward(self, images: Tensor, condition: Tensor | None) -> Tensor:
            seen.append(images.detach())
            return images[:, :1, -1, -1]

    model.discriminator = Watching()  # type: ignore[assignment]
    if model.ada is not None:
        model.ada.p.fill_(1.0)
    model.generator_losses(batch)
    ((_, drawn),) = model.drawn
    losses = model.discriminator_losses(batch)
    assert ("augment_p" in losses) == (augment == "ada")
    for number, (original, shown) in enumerate(zip([drawn, batch.images, drawn], seen, strict=True)):
        same = [torch.equal(a, b) for a, b in zip(original, shown, strict=True)]
        assert all(same) if augment == "none" else sum(same) < 3, number
    if augment == "ada":
        return
    seen.clear()
    torch.manual_seed(3)
    model.r1_losses(batch)
    torch.manual_seed(3)
    assert torch.equal(seen[0], diff_augment(batch.images, augment))


def test_a_batch_in_parts_is_judged_in_the_order_in_which_it_was_drawn(batch: Batch) -> None:
    model, shown = build(), []

    class Watching(nn.Module):
        def forward(self, images: Tensor, condition: Tensor | None) -> Tensor:
            shown.append(images)
            return images[:, :1, 0, 0]

    model.discriminator = Watching()  # type: ignore[assignment]
    for _ in range(3):
        model.generator_losses(batch)
    drawn = [images for _, images in model.drawn]
    for images in drawn:
        shown.clear()
        model.discriminator_losses(batch)
        assert torch.equal(shown[1], images)
    assert model.drawn == []


def test_losses_are_float32_where_networks_compute_in_bfloat16(batch: Batch) -> None:
    model = build(conditions="class")
    with torch.autocast("cpu", torch.bfloat16):
        losses = {}
        for part in (model.generator_losses, model.discriminator_losses, model.r1_losses, model.path_length_losses):
            losses |= part(batch)
        torch.manual_seed(7)
        penalty = model.r1_losses(batch)["penalty"]
    assert {name for name, value in losses.items() if value.dtype != torch.float32} == set()
    torch.manual_seed(7)
    assert torch.equal(penalty, model.r1_losses(batch)["penalty"])


def test_its_weights_begin_in_no_other_way() -> None:
    with pytest.raises(ValueError, match="begin as its paper says"):
        build(initialisation="orthogonal")


def test_a_discriminator_sees_through_one_that_draws_always_the_same() -> None:
    hp = build().hp
    discriminator = Discriminator(hp, SPEC, 0)
    images = torch.rand(4, 3, 16, 16)
    varied, alike = discriminator(images)[0], discriminator(images[:1].expand(4, -1, -1, -1))[0]
    assert not torch.allclose(varied, alike, rtol=1e-3)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare(open_dataset("shapes", {"count": 50}), 16, tmp_path_factory.mktemp("datasets"))


def start(dataset: PreparedDataset, **chosen: Any) -> Training:
    hp = StyleGAN.hyperparameters("debug", **{"steps": 10, "batch_size": 8, "r1_interval": 3} | chosen)
    assert isinstance(hp, StyleGAN.Hyperparameters)
    torch.manual_seed(0)
    model = StyleGAN(hp, dataset.spec)
    if model.ada is not None:
        model.ada.p.fill_(0.5)  # so that what it does, and not only its state, must go on
    return Training(model, dataset, hp, device=torch.device("cpu"), seed=0)


@pytest.mark.parametrize(
    "chosen", [{"augment": "translation", "accumulate": 2}, {"augment": "ada", "conditions": "attributes"}], ids=["none", "attributes"]
)
def test_an_interrupted_run_goes_on_bit_for_bit(chosen: dict[str, Any], dataset: PreparedDataset, tmp_path: Path) -> None:
    whole, half, rest = (start(dataset, **chosen) for _ in range(3))
    whole.run(lambda tick: None)

    class Stop(Exception):
        pass

    def stop_at_five(tick: Tick) -> None:
        if tick.step == 5:  # between two penalties of either kind, and more of both to come
            raise Stop

    with pytest.raises(Stop):
        half.run(stop_at_five, tick_seconds=0)
    torch.save(half.state_dict(), tmp_path / "half.pt")
    rest.load_state_dict(torch.load(tmp_path / "half.pt", weights_only=True))
    rest.run(lambda tick: None)
    for expected, found in ((whole.model, rest.model), (whole.average, rest.average)):
        states = expected.state_dict(), found.state_dict()
        assert [name for name in states[0] if not torch.equal(states[0][name], states[1][name])] == []
    assert whole.model.path_length > 0
    assert whole.average.w_average.abs().sum() > 0  # type: ignore[operator, union-attr]
