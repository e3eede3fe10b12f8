"""The conditional GAN: what a condition does in both networks, and that nothing but it is asked for."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.models.augment import Augmentation
from atelier.models.base import Batch, ImageSpec
from atelier.models.cgan import CGAN, CGANGenerator
from atelier.models.layers import ConditionalBatchNorm2d
from atelier.training.loop import Tick, Training

SPEC = ImageSpec(channels=3, resolution=16, num_classes=4, num_attributes=5)
VARIANTS = pytest.mark.parametrize("variant", ["projection", "classic"])
CONDITIONS = pytest.mark.parametrize(("conditions", "count"), [("class", 4), ("attributes", 5)])


def build(variant: str = "projection", augment: Augmentation = "none", spec: ImageSpec = SPEC, **chosen: Any) -> CGAN:
    torch.manual_seed(0)
    hp = CGAN.hyperparameters("debug", variant=variant, augment=augment, **chosen)
    assert isinstance(hp, CGAN.Hyperparameters)
    return CGAN(hp, spec)


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    return Batch(
        images=torch.rand(8, 3, 16, 16, generator=generator) * 2 - 1,
        labels=torch.arange(8) % 4,
        attributes=torch.rand(8, 5, generator=generator) + 0.1,
    )


# --------------------------------------------------------------------------------------------------------------- the generator


def disturb(generator: CGANGenerator) -> None:
    """Let norms do something for each condition, which they begin without."""
    for norm in generator.norms:
        if isinstance(norm, ConditionalBatchNorm2d):
            torch.nn.init.normal_(norm.weight)


def test_conditional_batch_norm_begins_as_plain_batch_norm_under_any_condition() -> None:
    norm, plain = ConditionalBatchNorm2d(6, 4), torch.nn.BatchNorm2d(6)
    x = torch.randn(8, 6, 4, 4) * 3 + 1
    for condition in (torch.zeros(8, 4), torch.eye(4).repeat(2, 1), torch.randn(8, 4)):
        assert torch.allclose(norm(x, condition), plain(x), atol=1e-6)


def test_each_image_is_scaled_and_shifted_by_its_own_condition() -> None:
    norm = ConditionalBatchNorm2d(2, 3)
    with torch.no_grad():
        norm.weight[1] = torch.tensor([2.0, 0, 0, 7])  # scales by one more and two, shifts by nothing and 7
    x = torch.randn(4, 2, 5, 5)
    condition = torch.tensor([(0.0, 0, 0), (0, 1, 0), (0, 0.5, 0), (1, 0, 1)])
    normed = torch.nn.BatchNorm2d(2)(x)
    found = norm(x, condition)
    scales, shifts = torch.tensor([(1.0, 1), (3, 1), (2, 1), (1, 1)]), torch.tensor([(0.0, 0), (0, 7), (0, 3.5), (0, 0)])
    assert torch.allclose(found, normed * scales[:, :, None, None] + shifts[:, :, None, None], atol=1e-5)


@VARIANTS
@CONDITIONS
def test_the_same_z_is_drawn_differently_under_another_condition(variant: str, conditions: str, count: int) -> None:
    generator = build(variant, conditions=conditions).generator.eval()
    assert generator.condition_dim == count
    disturb(generator)
    z = torch.randn(1, generator.latent_dim).expand(count + 1, -1)
    images = generator(z, torch.cat([torch.eye(count), torch.zeros(1, count)]))
    assert images.unique(dim=0).shape[0] == count + 1


def test_a_condition_has_no_share_in_the_variance_that_the_first_norm_sets_to_one() -> None:
    generator = build().generator
    assert isinstance(generator, CGANGenerator)
    normed: list[Tensor] = []
    generator.norms[0].register_forward_pre_hook(lambda module, inputs: normed.append(inputs[0]))
    z = torch.randn(6, generator.latent_dim)
    for index in range(2):
        generator(z, torch.eye(4)[[index] * 6])
    assert torch.equal(*normed)


def test_half_of_two_classes_is_half_of_what_each_does_to_every_norm() -> None:
    generator = build().generator
    disturb(generator)
    one, two = torch.eye(4)[:1], torch.eye(4)[2:3]
    done: list[Tensor] = []
    for norm in generator.norms:
        norm.register_forward_pre_hook(lambda module, inputs: done.append(inputs[1] @ module.weight))

    def effects(condition: Tensor) -> Tensor:
        done.clear()
        generator(torch.randn(2, generator.latent_dim), condition.expand(2, -1))
        return torch.cat([effect[0] for effect in done])

    assert (effects(one) - effects(two)).abs().mean() > 0.1
    assert torch.allclose(effects((one + two) / 2), (effects(one) + effects(two)) / 2, atol=1e-4)


def test_attributes_alone_can_say_where_a_thing_is() -> None:
    by_class, by_attributes, classic = (
        build(variant, conditions=conditions).generator
        for variant, conditions in (("projection", "class"), ("projection", "attributes"), ("classic", "attributes"))
    )
    assert by_class.place is None
    assert classic.place is None
    assert by_attributes.place is not None
    condition = torch.randn(1000, 5)
    places = by_attributes.place(condition)
    assert places.shape == (1000, 32, 4, 4)
    assert 0.5 < places.std() < 2  # about as loud as z after its norm
    left, top = torch.tensor([[1.0, 0, 0, 0, 0]]), torch.tensor([[0.0, 1, 0, 0, 0]])
    z = torch.randn(1, by_attributes.latent_dim)
    assert not torch.allclose(by_attributes.eval()(z, left), by_attributes(z, top))
    both, neither = by_attributes.place(left + top), by_attributes.place(torch.zeros(1, 5))
    assert not torch.allclose(both - neither, by_attributes.place(left) + by_attributes.place(top) - 2 * neither, atol=0.01)


@VARIANTS
def test_both_networks_take_a_condition_in_standard_deviations_of_the_data_s(variant: str) -> None:
    model = build(variant, conditions="attributes")
    model.generator.typical[:] = 10 + 0.5 * torch.tensor([[1.0], [-1.0]]).repeat(128, 1)
    disturb(model.generator)
    z, images = torch.randn(6, model.generator.latent_dim), torch.randn(6, 3, 16, 16)
    condition = 10 + 0.5 * torch.randn(6, 5)
    drawn, judged = model.generator.eval()(z, condition), model.eval().judge(images, condition)
    model.generator.typical[:] = torch.tensor([[1.0], [-1.0]]).repeat(128, 1)  # a mean of 0, a deviation of 1
    assert torch.allclose(drawn, model.generator(z, (condition - 10) / 0.5), atol=1e-5)
    assert torch.allclose(judged, model.judge(images, (condition - 10) / 0.5), atol=1e-4)


def test_only_the_classic_generator_has_plain_batch_norm() -> None:
    def conditional(variant: str) -> list[bool]:
        generator = build(variant).generator
        assert isinstance(generator, CGANGenerator)
        return [isinstance(norm, ConditionalBatchNorm2d) for norm in generator.norms]

    assert conditional("projection") == [True, True]
    assert conditional("classic") == [False, False]


# ----------------------------------------------------------------------------------------------------------- the discriminator


def test_the_projection_adds_a_scalar_product_that_is_linear_in_the_condition(batch: Batch) -> None:
    discriminator = build().discriminator.eval()
    nothing, one, two = torch.zeros(8, 4), torch.eye(4)[:1].expand(8, -1), torch.eye(4)[1:2].expand(8, -1)
    base, first, second = (discriminator(batch.images, condition) for condition in (nothing, one, two))
    features = discriminator.layers(batch.images)
    assert torch.allclose(base, discriminator.last(features), atol=1e-6)
    assert torch.allclose(first - base, features @ discriminator.embedding.weight[:, :1], atol=1e-5)
    assert not torch.allclose(first, second, atol=1e-4)
    assert torch.allclose(discriminator(batch.images, one / 2 + two / 2), (first + second) / 2, atol=1e-5)


def test_the_classic_discriminator_weighs_image_and_condition_together(batch: Batch) -> None:
    discriminator = build("classic").discriminator.eval()
    one, two = torch.eye(4)[:1].expand(8, -1), torch.eye(4)[1:2].expand(8, -1)
    difference = discriminator(batch.images, one) - discriminator(batch.images, two)
    assert difference.std() > 0  # it depends on the image, so it's no mere preference for a class


def test_only_the_projection_is_spectrally_normed_in_every_layer_and_only_the_classic_one_has_batch_norm() -> None:
    for variant in ("projection", "classic"):
        discriminator = build(variant).discriminator
        weighted = [m for m in discriminator.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.Linear)]
        normed = [torch.nn.utils.parametrize.is_parametrized(m, "weight") for m in weighted]
        assert len(weighted) == 4 + (variant == "classic")
        assert all(normed) if variant == "projection" else not any(normed)
        assert any(isinstance(m, torch.nn.BatchNorm2d) for m in discriminator.modules()) == (variant == "classic")


# --------------------------------------------------------------------------------------------------------------------- the game


class Watching(torch.nn.Module):
    """A discriminator that keeps what it was shown, and says of a picture what its last pixel holds."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, images: Tensor, *conditions: Tensor) -> Tensor:
        self.seen.extend((images.detach(), condition) for condition in conditions)
        return images[:, :1, -1, -1].expand(-1, len(conditions))


def watched(variant: str, augment: Augmentation = "none", **chosen: Any) -> tuple[CGAN, Watching]:
    model, watching = build(variant, augment, **chosen), Watching()
    model.generator.typical[:] = torch.tensor([[1.0], [-1.0]]).repeat(128, 1)  # so that conditions are standardised already
    model.discriminator = watching  # type: ignore[assignment]
    return model, watching


@VARIANTS
def test_real_pictures_are_shown_with_their_own_classes_and_drawn_ones_with_those_asked_for(variant: str, batch: Batch) -> None:
    model, watching = watched(variant, label_dropout=0)
    model.generator_losses(batch)
    ((condition, drawn),) = model.drawn
    model.discriminator_losses(batch)
    images, conditions = (torch.cat(parts) for parts in zip(*watching.seen, strict=True))
    assert torch.equal(images, torch.cat([drawn, batch.images, drawn]))
    own = torch.eye(4)[batch.labels]
    assert torch.equal(condition, own)
    assert torch.equal(conditions, own.repeat(3, 1))


def test_attributes_are_asked_for_as_they_are(batch: Batch) -> None:
    model, watching = watched("projection", conditions="attributes", label_dropout=0)
    model.generator_losses(batch)
    assert torch.equal(watching.seen[0][1], batch.attributes)


@VARIANTS
def test_a_dropped_condition_is_zero_for_real_and_drawn_alike(variant: str, batch: Batch) -> None:
    model, watching = watched(variant, label_dropout=0.5)
    torch.manual_seed(2)
    model.generator_losses(batch)
    model.discriminator_losses(batch)
    own, (asked, real, drawn) = torch.eye(4)[batch.labels], torch.cat([c for _, c in watching.seen]).chunk(3)
    dropped = asked.sum(dim=1) == 0
    assert 0 < dropped.sum() < 8
    assert torch.equal(asked[~dropped], own[~dropped])
    assert torch.equal(asked, real)
    assert torch.equal(asked, drawn)


def test_a_tenth_of_the_conditions_is_dropped() -> None:
    many = Batch(images=torch.zeros(1000, 3, 1, 1), labels=torch.zeros(1000, dtype=torch.int64), attributes=torch.zeros(1000, 5))
    torch.manual_seed(4)
    assert 60 < (build().asked(many).sum(dim=1) == 0).sum() < 140


@VARIANTS
def test_a_batch_in_parts_is_judged_in_the_order_in_which_it_was_drawn(variant: str, batch: Batch) -> None:
    model, watching = watched(variant, label_dropout=0)
    for part in batch.parts(2):
        model.generator_losses(part)
    drawn = [images for _, images in model.drawn]
    for part, images in zip(batch.parts(2), drawn, strict=True):
        watching.seen.clear()
        model.discriminator_losses(part)
        assert torch.equal(torch.cat([shown for shown, _ in watching.seen])[4:], images)
        assert torch.equal(torch.cat([condition for _, condition in watching.seen])[:4], torch.eye(4)[part.labels])
    assert model.drawn == []


@VARIANTS
@pytest.mark.parametrize("augment", ["color, translation, cutout", "ada"])
def test_both_players_see_real_and_drawn_pictures_augmented(variant: str, augment: Augmentation, batch: Batch) -> None:
    model, watching = watched(variant, augment)
    if model.ada is not None:
        model.ada.p.fill_(1.0)
    model.generator_losses(batch)
    ((_, drawn),) = model.drawn
    model.discriminator_losses(batch)
    shown = torch.cat([images for images, _ in watching.seen])
    for number, (original, seen) in enumerate(zip([drawn, batch.images, drawn], shown.chunk(3), strict=True)):
        assert sum(torch.equal(a, b) for a, b in zip(original, seen, strict=True)) < 3, number


class Saying(torch.nn.Module):
    """A discriminator that says the same of everything."""

    def __init__(self, logit: float) -> None:
        super().__init__()
        self.logit = logit

    def forward(self, images: Tensor, *conditions: Tensor) -> Tensor:
        return torch.full((len(images), len(conditions)), self.logit)


def test_the_losses_are_the_hinge_with_its_margin_and_the_logistic_one(batch: Batch) -> None:
    for variant, generator, discriminator in (
        ("projection", -0.1, (0.25 - 0.1) + (0.25 + 0.1)),
        ("classic", softplus(torch.tensor(-0.1)).item(), (softplus(torch.tensor(-0.1)) + softplus(torch.tensor(0.1))).item()),
    ):
        model = build(variant)
        model.discriminator = Saying(0.1)  # type: ignore[assignment]
        assert model.generator_losses(batch)["loss"].item() == pytest.approx(generator)
        assert model.discriminator_losses(batch)["loss"].item() == pytest.approx(discriminator)


@VARIANTS
def test_real_pictures_under_conditions_of_others_are_refused(variant: str, batch: Batch) -> None:
    torch.manual_seed(0)
    model = build(variant, mismatch=0.5, label_dropout=0.25)
    model.discriminator = Saying(0.1)  # type: ignore[assignment]
    model.generator_losses(batch)
    ((condition, _),) = model.drawn
    told = condition.any(dim=1)
    wrong = int((told & told.roll(1)).sum())  # no class of these comes twice in a row
    assert 0 < wrong < 8
    refused = 0.25 + 0.1 if variant == "projection" else softplus(torch.tensor(0.1)).item()
    accepted = 0.25 - 0.1 if variant == "projection" else softplus(torch.tensor(-0.1)).item()
    assert model.discriminator_losses(batch)["loss"].item() == pytest.approx(accepted + refused + 0.5 * refused * wrong / 8)


def test_a_mistaken_condition_has_another_class_or_one_other_attribute_and_what_that_excludes() -> None:
    assert torch.equal(build().mistaken(torch.eye(4)), torch.eye(4).roll(1, dims=0))
    model = build(conditions="attributes")
    model.generator.excludes[0, 1] = model.generator.excludes[1, 0] = 1
    condition = torch.tensor([[1.0, 0, 0, 0.2, 0.3], [0.0, 1, 1, 0.4, 0.5]]).repeat(100, 1)
    mistaken = model.mistaken(condition)
    changed = mistaken != condition
    assert {tuple(row) for row in changed.int().tolist()} == {(1, 1, 0, 0, 0), (0, 0, 1, 0, 0), (0, 0, 0, 1, 0), (0, 0, 0, 0, 1)}
    assert torch.equal(mistaken[changed], condition.roll(1, dims=0)[changed])


@VARIANTS
def test_the_discriminator_says_how_sure_it_is_by_the_names_that_alarms_know(variant: str, batch: Batch) -> None:
    model, _ = watched(variant)
    batch.images[:, 0, -1, -1] = torch.tensor([3.0, 2, 1, -2] * 2)
    model.drawn.append((torch.zeros(8, 4), -torch.ones(8, 3, 16, 16)))
    found = model.discriminator_losses(batch)
    assert {"real_logit", "fake_logit", "real_score", "fake_score", "real_sign", "fake_sign"} < found.keys()
    assert [found[name].item() for name in ("real_logit", "fake_logit", "real_sign", "fake_sign")] == [1, -1, 0.5, -1]


@VARIANTS
@pytest.mark.parametrize("augment", ["color, translation, cutout", "ada"])
def test_losses_are_float32_where_networks_compute_in_bfloat16(variant: str, augment: Augmentation, batch: Batch) -> None:
    model = build(variant, augment)
    with torch.autocast("cpu", torch.bfloat16):
        losses = {**model.generator_losses(batch), **model.discriminator_losses(batch)}
    assert {name for name, value in losses.items() if value.dtype != torch.float32} == set()


# ---------------------------------------------------------------------------------------------------------------------- the run


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare(open_dataset("shapes", {"count": 60}), 16, tmp_path_factory.mktemp("datasets"))


def start(dataset: PreparedDataset, **chosen: Any) -> Training:
    hp = CGAN.hyperparameters("debug", **{"steps": 12, "batch_size": 8} | chosen)
    assert isinstance(hp, CGAN.Hyperparameters)
    torch.manual_seed(0)
    model = CGAN(hp, dataset.spec)
    if model.ada is not None:
        model.ada.p.fill_(0.5)  # so that what it does, and not only its state, must go on
    return Training(model, dataset, hp, device=torch.device("cpu"), seed=0)


@pytest.mark.parametrize(("variant", "conditions", "augment"), [("projection", "attributes", "ada"), ("classic", "class", "translation")])
def test_an_interrupted_run_goes_on_bit_for_bit(
    variant: str, conditions: str, augment: Augmentation, dataset: PreparedDataset, tmp_path: Path
) -> None:
    whole, half, rest = (start(dataset, variant=variant, conditions=conditions, augment=augment, accumulate=2) for _ in range(3))
    whole.run(lambda tick: None)

    class Stop(Exception):
        pass

    def stop_at_six(tick: Tick) -> None:
        if tick.step == 6:
            raise Stop

    with pytest.raises(Stop):
        half.run(stop_at_six, tick_seconds=0)
    torch.save(half.state_dict(), tmp_path / "half.pt")
    rest.load_state_dict(torch.load(tmp_path / "half.pt", weights_only=True))
    rest.run(lambda tick: None)
    expected, found = whole.model.state_dict(), rest.model.state_dict()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []


def test_the_published_generator_keeps_what_the_data_s_conditions_are_like(dataset: PreparedDataset) -> None:
    training = start(dataset, conditions="attributes")
    training.run(lambda tick: None)
    generator = training.average
    assert isinstance(generator, CGANGenerator)
    assert not generator.training
    red, blue = dataset.attribute_names.index("red"), dataset.attribute_names.index("blue")
    _, condition = generator.inputs([1], [{red: 1.0}])
    assert condition[0, red] == 1
    assert condition[0, blue] == 0
    assert condition[0, :8].sum() == 1  # some shape


def test_the_label_is_learned_in_a_moment() -> None:
    """Pictures of one plain shade a class: what is asked for must come out."""
    model = build(spec=ImageSpec(channels=1, resolution=16, num_classes=2))
    (stage,) = model.stages()
    labels = torch.arange(16) % 2
    for _ in range(50):
        images = (labels - 0.5)[:, None, None, None].expand(-1, 1, 16, 16) + 0.05 * torch.randn(16, 1, 16, 16)
        for phase in stage.phases:
            model.requires_grad_(False)
            phase.module.requires_grad_(True)
            phase.optimizer.zero_grad()
            loss = phase.losses(Batch(images=images, labels=labels, attributes=torch.zeros(16, 0)))["loss"]
            loss.backward()  # type: ignore[no-untyped-call]
            phase.optimizer.step()
    generator = model.generator.eval()
    dark, light = (generator(torch.randn(16, generator.latent_dim), torch.eye(2)[[k] * 16]).mean() for k in range(2))
    assert light - dark > 0.5
