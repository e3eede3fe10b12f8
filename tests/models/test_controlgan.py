"""The controllable GAN: three networks, who learns from what, and how gamma follows."""

from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from atelier.datasets.cache import PreparedDataset
from atelier.models.augment import Augmentation
from atelier.models.base import Batch, ImageSpec
from atelier.models.controlgan import SHARPNESS, ControlGAN, probabilities
from atelier.training.loop import Tick, Training

SPEC = ImageSpec(channels=3, resolution=16, num_classes=4, num_attributes=3)
CONDITIONS = pytest.mark.parametrize("conditions", ["class", "attributes"])
VARIANTS = pytest.mark.parametrize("variant", ["sn-hinge", "wgan-gp"])


def build(**chosen: Any) -> ControlGAN:
    torch.manual_seed(0)
    hp = ControlGAN.hyperparameters("debug", **{"augment": "none", "classifier_augment": "none", "classifier_noise": 0.0} | chosen)
    assert isinstance(hp, ControlGAN.Hyperparameters)
    model = ControlGAN(hp, SPEC)
    on_or_off = torch.tensor([[0.0, 0.0], [0, 1], [1, 0], [1, 1]]).repeat(64, 1)
    model.generator.typical.copy_(
        torch.eye(4).repeat(64, 1) if hp.conditions == "class" else torch.cat([on_or_off, torch.rand(256, 1)], dim=1)
    )
    return model


@pytest.fixture
def batch() -> Batch:
    torch.manual_seed(1)
    attributes = torch.cat([torch.randint(2, (8, 2)).float(), torch.rand(8, 1)], dim=1)
    return Batch(images=torch.rand(8, 3, 16, 16) * 2 - 1, labels=torch.arange(8) % 4, attributes=attributes)


class Says(nn.Module):
    """In place of a network: says the same of every image, and keeps what it was shown."""

    def __init__(self, *outputs: float) -> None:
        super().__init__()
        self.outputs = torch.tensor(outputs)
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(images.detach())
        return self.outputs + 0 * images.flatten(1)[:, :1]


def say(model: ControlGAN, **outputs: list[float]) -> list[Says]:
    """Put such networks in the place of those named."""
    said = [Says(*values) for values in outputs.values()]
    for name, network in zip(outputs, said, strict=True):
        setattr(model, name, network)
    return said


# -------------------------------------------------------------------------------------------------------------- classifier


@CONDITIONS
def test_the_error_of_the_right_answer_is_the_least(conditions: str) -> None:
    model = build(conditions=conditions)
    if conditions == "class":
        wanted = torch.tensor([[1.0, 0, 0, 0], [0, 0.25, 0.75, 0]])
        outputs = torch.randn(2, 4)
        assert torch.equal(model.errors(outputs, wanted)[:, 0], cross_entropy(outputs, wanted, reduction="none"))
        assert model.errors((wanted + 1e-9).log(), wanted).sum() < model.errors((wanted + 0.1).log(), wanted).sum()
    else:
        wanted = torch.tensor([[0.0, 1.0, 0.5], [-1.0, 2.0, 1.5]])
        right = (SHARPNESS * (2 * wanted - 1)).requires_grad_()
        errors = model.errors(right, wanted)
        (gradient,) = torch.autograd.grad(errors.sum(), right)
        assert errors.detach().abs().max() < 1e-5
        assert gradient.abs().max() < 1e-6  # of values beyond 0 and 1 as well: they ask for more, but not without end
        assert (model.errors(right + 0.1, wanted) > 1e-6).all()
        assert (model.errors(right - 0.1, wanted) > 1e-6).all()


def test_who_knows_nothing_of_the_picture_has_an_error_of_one_in_every_attribute() -> None:
    model = build(conditions="attributes")
    rare, half, near_the_middle = (torch.arange(256) % 8 == 0).float(), (torch.arange(256) % 2).float(), 0.4 + 0.2 * torch.rand(256)
    model.generator.typical.copy_(torch.stack([rare, half, near_the_middle], dim=1))
    guess = probabilities(model.generator.typical).mean(dim=0).logit()
    errors = model.errors(guess.expand(256, -1), model.generator.typical)
    assert errors.mean(dim=0).tolist() == pytest.approx([1, 1, 1], rel=0.01)


def test_accuracy_counts_attributes_that_are_on_or_off(batch: Batch) -> None:
    model = build(conditions="attributes")
    say(model, classifier=[5.0, -5.0, 5.0])
    right = torch.stack([batch.attributes[:, 0] == 1, batch.attributes[:, 1] == 0]).float().mean()
    assert model.classifier_on_held_out(batch)["accuracy"] == right
    nothing_to_be_right_about = Batch(images=batch.images, labels=batch.labels, attributes=batch.attributes * 0.9 + 0.05)
    assert set(model.classifier_on_held_out(nothing_to_be_right_about)) == {"loss"}


def test_accuracy_counts_classes(batch: Batch) -> None:
    model = build()
    say(model, classifier=[0.0, 3.0, 1.0, -1.0])
    assert model.classifier_on_held_out(batch)["accuracy"] == 0.25


@pytest.mark.parametrize(
    ("augment", "noise"), [("none", 0.0), ("translation", 0.0), ("cutout", 0.0), ("translation, cutout", 0.1), ("none", 0.2)]
)
def test_the_classifier_sees_drawn_pictures_changed_as_the_real_ones_it_learned_from(augment: str, noise: float, batch: Batch) -> None:
    model = build(classifier_augment=augment, classifier_noise=noise)
    classifier, _ = say(model, classifier=[0.0] * 4, discriminator=[0.0])
    model.classifier_losses(batch)
    model.generator_losses(batch)
    learned, real, drawn = classifier.seen
    for seen, original in ((learned, batch.images), (real, batch.images), (drawn, model.drawn[0])):
        assert torch.equal(seen, original) == (augment == "none" and noise == 0)
        if augment == "none":
            assert (seen - original).std().item() == pytest.approx(noise, rel=0.1)


def test_statistics_of_the_classifier_come_from_real_pictures_alone(batch: Batch) -> None:
    model = build()
    before = {name: value.clone() for name, value in model.classifier.state_dict().items()}
    model.generator_losses(batch)
    assert all(torch.equal(value, before[name]) for name, value in model.classifier.state_dict().items())
    model.classifier_losses(batch)
    assert not all(torch.equal(value, before[name]) for name, value in model.classifier.state_dict().items())


# ------------------------------------------------------------------------------------------------------------------- gamma


def test_gamma_follows_what_drawn_pictures_lack_of_real_ones() -> None:
    model = build(conditions="attributes", gamma_rate=0.5, gamma_max=2.0, equilibrium=2.0)
    model.gamma.copy_(torch.tensor([1.0, 1.95, 0.1]))
    model.follow(real=torch.tensor([0.1, 0.1, 0.4]), fake=torch.tensor([0.4, 0.4, 0.2]))
    # grows by 0.5 · (0.4 - 2 · 0.1) / (0.4 + 2 · 0.1); at most 2; at least 0
    assert model.gamma.tolist() == pytest.approx([1 + 1 / 6, 2.0, 0.0])


@CONDITIONS
def test_there_is_a_gamma_for_the_class_or_one_for_each_attribute_and_a_checkpoint_has_it(conditions: str) -> None:
    model = build(conditions=conditions)
    assert model.state_dict()["gamma"].tolist() == [0.0] * (1 if conditions == "class" else 3)


@CONDITIONS
def test_the_generator_is_told_by_both_the_classifier_weighted_by_gamma(conditions: str, batch: Batch) -> None:
    model = build(conditions=conditions, soft_share=0.0, gamma_rate=0.0, gamma_max=10.0)
    outputs = [1.0, 2.0, 3.0, 4.0][: 4 if conditions == "class" else 3]
    say(model, discriminator=[0.3], classifier=outputs)
    assert model.generator_losses(batch)["loss"].item() == pytest.approx(-0.3)
    model.gamma = 1.0 + torch.arange(len(model.gamma))
    losses = model.generator_losses(batch)
    errors = model.errors(torch.tensor([outputs] * 8), model.asked(batch)).mean(dim=0)
    assert losses["loss"].item() == pytest.approx((model.gamma @ errors).item() - 0.3, rel=1e-5)
    assert losses["gamma"] == model.gamma.mean()
    assert losses["classification_fake"].item() == losses["classification_real"].item() == pytest.approx(errors.sum().item(), rel=1e-5)


def test_soft_conditions_do_not_move_gamma(batch: Batch) -> None:
    model = build(conditions="attributes", soft_share=0.5, soft_reach=10.0, gamma_rate=1.0)
    batch = Batch(images=batch.images, labels=batch.labels, attributes=torch.ones(8, 3))
    say(model, discriminator=[0.0], classifier=[SHARPNESS] * 3)  # just right for all but the soft ones
    model.generator_losses(batch)
    assert model.gamma.abs().max() < 1e-5


def test_in_parts_gamma_moves_as_far_as_in_one(batch: Batch) -> None:
    found = []
    for accumulate in (1, 4):
        model = build(conditions="attributes", accumulate=accumulate, soft_share=0.0, gamma_rate=0.1)
        say(model, discriminator=[0.0])
        model.classifier = nn.Sequential(nn.Flatten(), nn.Linear(768, 3, bias=False))  # type: ignore[assignment]
        nn.init.constant_(model.classifier[1].weight, 0.01)  # type: ignore[index]
        model.generator.eval()  # so that what it draws does not depend on the other parts
        nn.init.zeros_(model.generator.first.weight)
        model.gamma.fill_(1.0)
        for part in batch.parts(accumulate):
            model.generator_losses(part)
        found.append(model.gamma)
    assert (found[0] - 1).abs().max() > 0.001
    assert torch.allclose(found[0], found[1], atol=1e-3)  # a mean of shares is not quite the share of means


def test_a_condition_has_no_share_in_the_variance_that_the_first_norm_sets_to_one() -> None:
    generator = build().generator
    normed: list[Tensor] = []
    generator.norms[0].register_forward_pre_hook(lambda module, inputs: normed.append(inputs[0]))
    z = torch.randn(6, generator.latent_dim)
    for index in range(2):
        generator(z, torch.eye(generator.condition_dim)[[index] * 6])
    assert torch.equal(*normed)


def test_attributes_alone_can_say_where_a_thing_is() -> None:
    assert build().generator.place is None
    generator = build(conditions="attributes").generator
    z = torch.randn(6, generator.latent_dim)
    assert not torch.allclose(*(generator(z, torch.eye(3)[[index] * 6]) for index in range(2)))


def test_the_generator_takes_a_condition_in_standard_deviations_of_the_data_s() -> None:
    generator = build(conditions="attributes").generator.eval()
    z, condition = torch.randn(6, generator.latent_dim), 10 + 0.5 * torch.randn(6, 3)
    generator.typical[:] = 10 + 0.5 * torch.tensor([[1.0], [-1.0]]).repeat(128, 1)
    drawn = generator(z, condition)
    generator.typical[:] = torch.tensor([[1.0], [-1.0]]).repeat(128, 1)  # a mean of 0, a deviation of 1
    assert torch.allclose(drawn, generator(z, (condition - 10) / 0.5), atol=1e-5)


# --------------------------------------------------------------------------------------------------------- soft conditions


def test_soft_classes_are_mixtures_of_two(batch: Batch) -> None:
    model = build()
    soft = model.soften(model.asked(batch))
    assert torch.allclose(soft.sum(dim=1), torch.ones(8))
    assert soft.min() >= 0
    assert ((soft > 0).sum(dim=1) == 2).all()


def test_soft_attributes_have_one_of_them_at_any_intensity() -> None:
    model = build(conditions="attributes", soft_reach=1.0)
    asked = torch.tensor([[0.0, 1.0, 0.5]]).repeat(1000, 1)
    soft = model.soften(asked)
    changed = soft != asked
    assert (changed.sum(dim=1) == 1).all()
    assert (changed.sum(dim=0) > 250).all()
    values = soft[changed]
    assert -1 <= values.min() < -0.95
    assert 1.95 < values.max() <= 2


def test_what_excludes_a_soft_attribute_goes_off_as_when_somebody_asks_for_it() -> None:
    model = build(conditions="attributes")
    model.generator.excludes.copy_(torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    asked = torch.tensor([[0.0, 1.0, 0.5]]).repeat(1000, 1)
    soft = model.soften(asked)
    on, off = soft[:, 0] > 0, soft[:, 0] < 0
    assert on.any()
    assert off.any()
    assert (soft[on, 1] == 0).all()
    assert (soft[off, 1] == 1).all()


# -------------------------------------------------------------------------------------------------------------------- game


def test_hinge_and_critic_are_the_papers(batch: Batch) -> None:
    for variant, expected in (("sn-hinge", 0.15 + 0.35), ("wgan-gp", 10 * 1.0)):  # 0.25 ∓ 0.1; a slope of 0, where 1 is wanted
        model = build(variant=variant)
        say(model, discriminator=[0.1])
        model.drawn.append(batch.images)
        assert model.discriminator_losses(batch)["loss"].item() == pytest.approx(expected)


def test_the_penalty_is_on_the_slope_between_real_and_drawn_pictures(batch: Batch) -> None:
    model = build(variant="wgan-gp")
    linear = nn.Linear(768, 1)
    model.discriminator = nn.Sequential(nn.Flatten(), linear)  # type: ignore[assignment]
    expected = (linear.weight.norm() - 1).square()
    assert model.penalty(batch.images, -batch.images).item() == pytest.approx(expected.item(), rel=1e-5)
    model.drawn.append(-batch.images)
    losses = model.discriminator_losses(batch)
    assert losses["loss"].item() == pytest.approx(-2 * losses["real_logit"].item() + 10 * expected.item(), rel=1e-4)


def test_a_critic_is_read_from_the_middle_between_real_and_drawn_pictures(batch: Batch) -> None:
    model = build(variant="wgan-gp")
    linear = nn.Linear(768, 1)
    nn.init.constant_(linear.weight, 1 / 768)
    nn.init.constant_(linear.bias, 50.0)
    model.discriminator = nn.Sequential(nn.Flatten(), linear)  # type: ignore[assignment]
    model.drawn.append(-torch.ones(8, 3, 16, 16))
    losses = model.discriminator_losses(Batch(images=torch.ones(8, 3, 16, 16), labels=batch.labels, attributes=batch.attributes))
    found = {name: losses[name].item() for name in ("real_logit", "fake_logit", "real_sign", "fake_sign")}
    assert found == pytest.approx({"real_logit": 1, "fake_logit": -1, "real_sign": 1, "fake_sign": -1}, abs=1e-4)


@VARIANTS
@pytest.mark.parametrize("augment", get_args(Augmentation))
def test_losses_are_float32_where_networks_compute_in_bfloat16(variant: str, augment: Augmentation, batch: Batch) -> None:
    model = build(variant=variant, augment=augment)
    with torch.autocast("cpu", torch.bfloat16):
        losses = [model.classifier_losses(batch), model.classifier_on_held_out(batch)]
        losses += [model.generator_losses(batch), model.discriminator_losses(batch)]
    assert {name for each in losses for name, value in each.items() if value.dtype != torch.float32} == set()


def test_drawings_are_judged_in_the_order_in_which_they_were_made(batch: Batch) -> None:
    model = build()
    (discriminator,) = say(model, discriminator=[0.0])
    for _ in range(3):
        model.generator_losses(batch)
    drawn = list(model.drawn)
    for images in drawn:
        model.discriminator_losses(batch)
        assert torch.equal(discriminator.seen[-1][8:], images)
    assert model.drawn == []


# ------------------------------------------------------------------------------------------------------------ in the loop


@pytest.fixture(scope="module")
def dataset() -> PreparedDataset:
    """Two lamps, left and right, each on or off; the class is their number."""
    rng = np.random.default_rng(0)
    lamps = rng.integers(2, size=(400, 2))
    images = rng.integers(20, 60, size=(400, 16, 16, 1), dtype=np.uint8)
    images[:, 4:12, 1:7] += np.uint8(160) * lamps[:, 0, None, None, None].astype(np.uint8)
    images[:, 4:12, 9:15] += np.uint8(160) * lamps[:, 1, None, None, None].astype(np.uint8)
    return PreparedDataset(
        images=images,
        labels=lamps.sum(axis=1),
        attributes=lamps.astype(np.float32),
        splits=(np.arange(400) % 8 == 0).astype(np.uint8),
        class_names=("none", "one", "both"),
        attribute_names=("left", "right"),
        mirrorable=False,
        fingerprint="lamps",
        folder=Path(),
    )


def start(dataset: PreparedDataset, **chosen: Any) -> Training:
    hp = ControlGAN.hyperparameters("debug", **chosen)
    assert isinstance(hp, ControlGAN.Hyperparameters)
    torch.manual_seed(0)
    return Training(ControlGAN(hp, dataset.spec), dataset, hp, device=torch.device("cpu"), seed=0)


def brightness(training: Training, *conditions: tuple[float, ...]) -> Tensor:
    """Of the left and the right lamp, mean over seeds, under each condition: [n, 2]."""
    z, _ = training.average.inputs(range(32))
    images = [training.average(z, torch.tensor(condition).expand(32, -1))[:, 0].mean(dim=0) for condition in conditions]
    return torch.tensor([[float(image[5:11, 2:6].mean()), float(image[5:11, 10:14].mean())] for image in images])


def test_lamps_obey_the_asked_intensity_one_by_one(dataset: PreparedDataset) -> None:
    training = start(dataset, conditions="attributes", steps=160, precision="float32")
    ticks: list[Tick] = []
    training.run(ticks.append, tick_seconds=0)
    reported = [tick for tick in ticks if "held_out/accuracy" in tick.metrics]
    assert [tick.stage for tick in reported] == ["classifier"]
    assert reported[0].metrics["held_out/accuracy"] > 0.95
    left = brightness(training, (-1.0, 0.0), (0.0, 0.0), (1.0, 0.0), (2.0, 0.0))
    assert (left[1:, 0] > left[:-1, 0]).all()
    assert left[2, 0] - left[1, 0] > 0.5
    assert (left[3, 1] - left[0, 1]).abs() < 0.25 * (left[3, 0] - left[0, 0])


def test_the_classifier_stands_still_once_the_generator_learns(dataset: PreparedDataset) -> None:
    training = start(dataset, steps=3, classifier_steps=3)
    states: list[dict[str, Tensor]] = []

    def look(tick: Tick) -> None:
        if tick.step in (1, 3, 6):
            states.append({name: value.clone() for name, value in training.model.state_dict().items()})

    training.run(look, tick_seconds=0)
    for name in states[0]:
        first, second = [not torch.equal(a[name], b[name]) for a, b in pairwise(states)]
        if name.endswith("weight"):
            assert (first, second) == ((True, False) if name.startswith("classifier.") else (False, True)), name


@VARIANTS
@CONDITIONS
def test_an_interrupted_run_goes_on_bit_for_bit(variant: str, conditions: str, dataset: PreparedDataset, tmp_path: Path) -> None:
    chosen = {"variant": variant, "conditions": conditions, "steps": 8, "classifier_steps": 4, "augment": "ada", "accumulate": 2}
    whole, half, rest = (start(dataset, **chosen) for _ in range(3))
    whole.run(lambda tick: None)

    class Stop(Exception):
        pass

    def stop_at_seven(tick: Tick) -> None:
        if tick.step == 7:
            raise Stop

    with pytest.raises(Stop):
        half.run(stop_at_seven, tick_seconds=0)
    torch.save(half.state_dict(), tmp_path / "half.pt")
    rest.load_state_dict(torch.load(tmp_path / "half.pt", weights_only=True))
    rest.run(lambda tick: None)
    expected, found = whole.model.state_dict(), rest.model.state_dict()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    assert expected["gamma"].abs().sum() > 0
