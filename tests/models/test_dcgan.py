"""DCGAN's variants, by their formulas."""

from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import sigmoid, softplus

from atelier.datasets.cache import PreparedDataset, prepare
from atelier.datasets.catalog import open_dataset
from atelier.models.augment import Augmentation, diff_augment
from atelier.models.base import Batch, ImageSpec
from atelier.models.dcgan import DCGAN
from atelier.models.layers import Upsampling, double
from atelier.training.loop import Tick, Training

SPEC = ImageSpec(channels=3, resolution=16)


VARIANTS = pytest.mark.parametrize("variant", ["sn-hinge", "classic", "r1"])


def build(variant: str, augment: Augmentation = "none") -> DCGAN:
    torch.manual_seed(0)
    hp = DCGAN.hyperparameters("debug", variant=variant, augment=augment)
    assert isinstance(hp, DCGAN.Hyperparameters)
    return DCGAN(hp, SPEC)


@pytest.fixture
def batch() -> Batch:
    images = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return Batch(images=images, labels=torch.zeros(8, dtype=torch.int64), attributes=torch.zeros(8, 0))


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


class Watching(torch.nn.Module):
    """A discriminator that keeps what it was shown, and says of a picture what its last pixel holds."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(images.detach())
        return images[:, :1, -1, -1]


def watched(variant: str, augment: Augmentation) -> tuple[DCGAN, Watching]:
    model, watching = build(variant, augment), Watching()
    model.discriminator = watching  # type: ignore[assignment]
    return model, watching


@VARIANTS
@pytest.mark.parametrize("augment", get_args(Augmentation))
def test_both_players_see_real_and_drawn_pictures_augmented(variant: str, augment: Augmentation, batch: Batch) -> None:
    model, watching = watched(variant, augment)
    if model.ada is not None:
        model.ada.p.fill_(1.0)
    model.generator_losses(batch)
    (drawn,) = model.drawn
    model.discriminator_losses(batch)
    shown = torch.cat(watching.seen)
    assert shown.shape == (24, 3, 16, 16)
    for number, (original, seen) in enumerate(zip([drawn, batch.images, drawn], shown.chunk(3), strict=True)):
        same = [torch.equal(a, b) for a, b in zip(original, seen, strict=True)]
        assert all(same) if augment == "none" else sum(same) < 3, number


def test_the_generator_learns_through_the_augmentation(batch: Batch) -> None:
    for augment in get_args(Augmentation):
        model = build("sn-hinge", augment)
        model.generator_losses(batch)["loss"].backward()
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.generator.parameters()), augment


@VARIANTS
def test_a_batch_in_parts_is_judged_in_the_order_in_which_it_was_drawn(variant: str, batch: Batch) -> None:
    model, watching = watched(variant, "none")
    for _ in range(3):
        model.generator_losses(batch)
    drawn = list(model.drawn)
    assert not torch.equal(drawn[0], drawn[1])
    for images in drawn:
        watching.seen.clear()
        model.discriminator_losses(batch)
        assert torch.equal(torch.cat(watching.seen)[8:], images)
    assert model.drawn == []


@VARIANTS
def test_the_discriminator_says_how_sure_it_is_by_the_same_names_in_every_variant(variant: str) -> None:
    model, _ = watched(variant, "none")
    batch = Batch(images=torch.zeros(4, 3, 16, 16), labels=torch.zeros(4, dtype=torch.int64), attributes=torch.zeros(4, 0))
    batch.images[:, 0, -1, -1] = torch.tensor([3.0, 2.0, 1.0, -2.0])
    model.drawn.append(-torch.ones(4, 3, 16, 16))
    found = {name: value.item() for name, value in model.discriminator_losses(batch).items() if name != "loss"}
    real, fake = sigmoid(torch.tensor([3.0, 2.0, 1.0, -2.0])).mean().item(), sigmoid(torch.tensor(-1.0)).item()
    assert found == pytest.approx(
        {"real_logit": 1, "fake_logit": -1, "real_score": real, "fake_score": fake, "real_sign": 0.5, "fake_sign": -1}
    )


def test_ada_follows_the_signs_of_real_pictures_and_reports_its_strength(batch: Batch) -> None:
    model, _ = watched("sn-hinge", "ada")
    assert model.ada is not None
    assert model.ada.target == 0.6
    sure = Batch(images=torch.ones(16, 3, 16, 16), labels=torch.zeros(16, dtype=torch.int64), attributes=torch.zeros(16, 0))
    strengths = []
    for _ in range(8):
        model.drawn.append(-torch.ones(16, 3, 16, 16))
        strengths.append(model.discriminator_losses(sure)["augment_p"])
    four_batches = 4 * 16 / 500_000
    assert [strength.item() for strength in strengths] == pytest.approx([0, 0, 0] + [four_batches] * 4 + [2 * four_batches])
    assert build("sn-hinge").ada is None


def test_r1_looks_at_what_the_discriminator_sees(batch: Batch) -> None:
    model, watching = watched("r1", "color, translation")
    torch.manual_seed(3)
    model.r1_losses(batch)
    torch.manual_seed(3)
    assert torch.equal(watching.seen[0], diff_augment(batch.images, "color, translation"))


@VARIANTS
@pytest.mark.parametrize("augment", ["color, translation, cutout", "ada"])
def test_losses_are_float32_where_networks_compute_in_bfloat16(variant: str, augment: Augmentation, batch: Batch) -> None:
    model = build(variant, augment)
    with torch.autocast("cpu", torch.bfloat16):
        losses = {**model.generator_losses(batch), **model.discriminator_losses(batch)}
    assert {name for name, value in losses.items() if value.dtype != torch.float32} == set()


@pytest.mark.parametrize("augment", ["color, translation, cutout", "ada"])
def test_the_penalty_is_the_same_where_networks_compute_in_bfloat16(augment: Augmentation, batch: Batch) -> None:
    model, found = build("r1", augment), []
    for enabled in (False, True):
        torch.manual_seed(5)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            found.append(model.r1_losses(batch)["penalty"])
    assert torch.equal(*found)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare(open_dataset("shapes", {"count": 50}), 16, tmp_path_factory.mktemp("datasets"))


def start(dataset: PreparedDataset, **chosen: Any) -> Training:
    hp = DCGAN.hyperparameters("debug", **{"steps": 12, "batch_size": 8} | chosen)
    assert isinstance(hp, DCGAN.Hyperparameters)
    torch.manual_seed(0)
    model = DCGAN(hp, dataset.spec)
    if model.ada is not None:
        model.ada.p.fill_(0.5)  # so that what it does, and not only its state, must go on
    return Training(model, dataset, hp, device=torch.device("cpu"), seed=0)


@VARIANTS
@pytest.mark.parametrize("augment", ["color, translation, cutout", "ada"])
def test_an_interrupted_run_goes_on_bit_for_bit(variant: str, augment: Augmentation, dataset: PreparedDataset, tmp_path: Path) -> None:
    whole, half, rest = (start(dataset, variant=variant, augment=augment) for _ in range(3))
    whole.run(lambda tick: None)

    class Stop(Exception):
        pass

    def stop_at_six(tick: Tick) -> None:
        if tick.step == 6:  # not a multiple of four: half-way to the next change of p, and to the next penalty
            raise Stop

    with pytest.raises(Stop):
        half.run(stop_at_six, tick_seconds=0)
    torch.save(half.state_dict(), tmp_path / "half.pt")
    rest.load_state_dict(torch.load(tmp_path / "half.pt", weights_only=True))
    rest.run(lambda tick: None)
    expected, found = whole.model.state_dict(), rest.model.state_dict()
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    if augment == "ada":
        assert expected["ada.p"] != 0.5


def test_repeated_pixels_leave_no_checkerboard() -> None:
    """Of a constant input, a transposed convolution draws a pattern of period two; pixels repeated and convolved do not."""

    def pattern(upsampling: Upsampling) -> float:
        torch.manual_seed(0)
        layers = nn.Sequential(*double(upsampling, 8, 4, bias=False))
        inside = layers(torch.ones(1, 8, 8, 8))[:, :, 4:-4, 4:-4]
        return float((inside - inside[:, :, :1, :1]).abs().max().detach())

    assert pattern("nearest") < 1e-5 < 0.1 < pattern("transposed")
    hp = DCGAN.hyperparameters("debug", upsampling="nearest")
    assert isinstance(hp, DCGAN.Hyperparameters)
    assert not any(isinstance(layer, nn.ConvTranspose2d) for layer in DCGAN(hp, SPEC).modules())
