"""The dial, on toys whose answer is known in closed form, and on real generators of random weights."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from atelier.models import architectures
from atelier.models.base import ConditionalGenerator, Generator, ImageSpec
from atelier.models.prompted import PromptedGenerator
from atelier.steering import dial
from atelier.steering.classifier import Classifier
from atelier.steering.dial import STEPS, Turned, turn

SIZE = 24
DRAWING = torch.linalg.qr(torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(0)))[0]  # turns and keeps lengths


class Plain(Generator):
    """z → z turned, as a picture of one row."""

    latent_dim = SIZE

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(DRAWING.clone())

    def forward(self, z: Tensor) -> Tensor:
        return (z @ self.weight)[:, None, None]


class Seer(nn.Module):
    """Log-odds that are linear in the picture: directions [D, SIZE] say in z what raises them."""

    def __init__(self, directions: Tensor, *, tied: Tensor | None = None, measured: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.weight = nn.Parameter(directions @ DRAWING)
        self.tied = torch.zeros(len(directions), len(directions)) if tied is None else tied
        self.measured = torch.tensor([index in measured for index in range(len(directions))])

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight.mT


def z_of(*seeds: int) -> Tensor:
    return Plain().inputs(seeds)[0]


def toy(directions: Tensor, z: Tensor, targets: Mapping[int, float], *, seer: Mapping[str, Any] | None = None, **options: Any) -> Turned:
    return turn(Plain(), Seer(directions, **(seer or {})), (z,), [targets] * len(z), **options)  # type: ignore[arg-type]


def axes(*entries: Mapping[int, float]) -> Tensor:
    directions = torch.zeros(len(entries), SIZE)
    for row, values in enumerate(entries):
        for index, value in values.items():
            directions[row, index] = value
    return directions


def test_the_target_is_reached_on_the_shell_by_the_shortest_way() -> None:
    z, (direction,) = z_of(*range(8)), axes({0: 1.0})
    turned = toy(direction[None], z, {0: 0.9})
    assert turned.reached.all()
    goal = torch.tensor(0.9).logit()
    there = z[:, 0] >= goal
    score = turned.latents[:, 0]
    assert (score[~there] >= goal).all()
    assert (score[~there] < goal + 0.25).all(), "it stops at the target"
    assert torch.allclose(turned.latents.norm(dim=1), z.norm(dim=1), rtol=1e-5)
    # The nearest point of the sphere with that score: what is across the direction is only made shorter.
    across = z.clone()
    across[:, 0] = 0
    nearest = across * ((z.norm(dim=1).square() - score.square()).sqrt() / across.norm(dim=1))[:, None]
    nearest[:, 0] = score
    assert torch.allclose(turned.latents, nearest, atol=1e-3)
    assert torch.allclose(turned.after[:, 0], score.sigmoid(), atol=1e-5)
    assert torch.allclose(turned.before[:, 0], z[:, 0].sigmoid(), atol=1e-5)
    assert torch.allclose(turned.images.flatten(1), turned.latents @ DRAWING, atol=1e-5)


def test_down_as_well_as_up() -> None:
    z = z_of(*range(8))
    turned = toy(axes({0: 1.0}), z, {0: 0.1})
    assert turned.reached.all()
    assert (turned.after[:, 0] <= 0.1).all()
    assert (turned.after[z[:, 0] > -2.2, 0] > 0.07).all()


def test_who_is_beyond_the_target_stays_unless_it_is_measured() -> None:
    z = z_of(1, 2)
    z[:, 0] = torch.tensor([4.0, -4.0])
    one, two = z[:1], z[1:]
    assert torch.equal(toy(axes({0: 1.0}), one, {0: 0.9}).latents, one)
    assert torch.equal(toy(axes({0: 1.0}), two, {0: 0.2}).latents, two)
    for start in (one, two):
        turned = toy(axes({0: 1.0}), start, {0: 0.7}, seer={"measured": (0,)})
        assert turned.reached.all()
        assert 0.66 < turned.after[0, 0] < 0.74


def test_the_others_are_held() -> None:
    z = z_of(*range(16))
    directions = axes({0: 1.0}, {0: 0.6, 1: 0.8}, {2: 1.0})
    loose, held = (toy(directions, z, {0: 0.95}, hold=hold) for hold in (False, True))
    assert loose.reached.all()
    assert held.reached.all()

    def change(turned: Turned) -> Tensor:
        return (turned.after.logit() - turned.before.logit()).abs()[:, 1:].mean()

    assert change(held) < change(loose) / 4


def test_what_the_target_settles_is_not_held() -> None:
    z = z_of(*range(4))
    directions, tied = axes({0: 1.0}, {0: -0.8, 1: 0.6}), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    tied_ones, loose = (toy(directions, z, {0: 0.95}, hold=hold, seer={"tied": tied}) for hold in (True, False))
    assert torch.equal(tied_ones.latents, loose.latents)
    assert not torch.equal(toy(directions, z, {0: 0.95}).latents, loose.latents)


def test_several_targets_at_once() -> None:
    turned = toy(axes({0: 1.0}, {1: 1.0}, {2: 1.0}), z_of(*range(6)), {0: 0.9, 1: 0.1})
    assert turned.reached.all()
    assert (turned.after[:, 0] >= 0.9).all()
    assert (turned.after[:, 1] <= 0.1).all()


def test_what_cannot_be_reached_comes_as_near_as_it_can_and_says_so() -> None:
    z = z_of(3)
    turned = toy(axes({0: 0.1}), z, {0: 0.9})  # at most 0.1 |z|
    assert not turned.reached.any()
    assert turned.steps.tolist() == [STEPS]
    assert turned.latents[0, 0] > 0.99 * z.norm()


def test_each_stops_by_itself_and_no_earlier_for_the_others() -> None:
    z, directions = z_of(*range(6)), axes({0: 1.0}, {0: 0.6, 1: 0.8})  # the second one is held, and pulls at who has arrived
    together = toy(directions, z, {0: 0.97})
    assert len(set(together.steps.tolist())) > 2
    for row in range(6):
        alone = toy(directions, z[[row] * 6], {0: 0.97})
        assert torch.equal(alone.latents[0], together.latents[row])
        assert alone.steps[0] == together.steps[row]
    longer = toy(directions, z, {0: 0.97}, steps=3 * STEPS)
    assert torch.equal(together.latents, longer.latents)
    few = toy(directions, z, {0: 0.97}, steps=3)
    assert few.steps.max() == 3
    assert (few.after[:, 0] >= few.before[:, 0]).all()


def test_nothing_to_do() -> None:
    turned = toy(axes({0: 1.0}), z_of(1), {})
    assert torch.equal(turned.latents, z_of(1))
    assert turned.steps.tolist() == [0]
    assert turned.reached.all()


def test_a_half_is_the_border_from_either_side() -> None:
    turned = toy(axes({0: 1.0}), z_of(*range(8)), {0: 0.5})
    assert ((turned.after - 0.5).abs() < 0.04).all()


def test_no_parameter_gets_a_gradient_and_it_works_where_gradients_are_off() -> None:
    generator, seer, z = Plain(), Seer(axes({0: 1.0})), z_of(1, 2)
    outside = turn(generator, seer, (z,), [{0: 0.9}] * 2)  # type: ignore[arg-type]
    with torch.inference_mode():
        inside = turn(generator, seer, (z_of(1, 2),), [{0: 0.9}] * 2)  # type: ignore[arg-type]
    assert torch.equal(outside.latents, inside.latents)
    assert not outside.latents.requires_grad
    assert not outside.images.requires_grad
    assert all(p.grad is None and p.requires_grad for module in (generator, seer) for p in module.parameters())
    assert torch.equal(z, z_of(1, 2)), "what it is given is not changed"


# ---------------------------------------------------------------------------------------------------------- style space


class Styled(Plain):
    """w is z scaled, and so is what it varies by; the layers share it, and each has half of the say."""

    style_dim = SIZE

    def styles(self, z: Tensor, *, truncation_psi: float = 1.0) -> Tensor:
        return (3 * truncation_psi * z)[:, None].repeat(1, 2, 1)

    def synthesis(self, w: Tensor, *, noise_mode: str = "const", seeds: list[int] | None = None) -> Tensor:
        assert (noise_mode == "random") == (seeds is not None)
        return (w.mean(dim=1) @ self.weight)[:, None, None]


def test_styles_are_turned_and_stay_near(monkeypatch: pytest.MonkeyPatch) -> None:
    generator, seer, z = Styled(), Seer(axes({0: 1.0}, {0: 0.6, 1: 0.8})), z_of(*range(8))
    options = {"truncation_psi": 0.5, "noise_mode": "random", "seeds": [1]}

    def styled() -> Turned:
        return turn(generator, seer, (z,), [{0: 0.95}] * 8, options=options)  # type: ignore[arg-type]

    turned = styled()
    assert turned.latents.shape == (8, 2, SIZE)
    assert turned.reached.all()
    assert torch.equal(turned.latents[:, 0], turned.latents[:, 1])
    shift = turned.latents[:, 0] - 1.5 * z
    assert (shift[:, 2:].abs() < 0.1).all(), "only what matters is turned"
    monkeypatch.setattr(dial, "NEAR", 100.0)
    nearer = styled().latents[:, 0] - 1.5 * z
    assert nearer.norm(dim=1).mean() < shift.norm(dim=1).mean() / 2


# ------------------------------------------------------------------------------------------------------- real generators


def make(architecture: str) -> tuple[Generator, Classifier]:
    cls = architectures[architecture]
    torch.manual_seed(0)
    generator = cls(cls.hyperparameters("debug"), ImageSpec(3, 16, 4, 5)).generator
    for parameter in list(generator.parameters())[-2:]:
        parameter.data.mul_(10)  # contrast
    classifier = Classifier(3, 16, 3, 2)
    classifier.head.weight.data.mul_(10)
    return generator.eval().requires_grad_(False), classifier.eval().requires_grad_(False)


@pytest.mark.parametrize("architecture", architectures)
def test_a_picture_does_not_depend_on_who_stands_beside_it(architecture: str) -> None:
    generator, classifier = make(architecture)
    wishes: list[Mapping[int, float]] = [{0: 0.8}, {0: 0.1, 3: 0.7}, {}, {4: 0.9}, {1: 0.5}, {0: 0.8}, {2: 0.99}]

    def turned(*rows: int) -> dict[int, Tensor]:
        inputs = generator.inputs(rows)
        result = turn(generator, classifier, inputs, [wishes[row] for row in rows], steps=6)
        assert torch.isfinite(result.latents).all()
        return {row: torch.cat([result.latents[i].flatten(), result.images[i].flatten()]) for i, row in enumerate(rows)}

    first, second = turned(0, 1, 2, 3), turned(6, 3, 5, 0)
    for row in (0, 3):
        assert torch.equal(first[row], second[row])
    assert not torch.equal(turned(5, 4, 4, 1)[1], turned(1, 1, 0, 0)[0])


@pytest.mark.parametrize("architecture", architectures)
def test_pictures_come_nearer_to_their_targets(architecture: str) -> None:
    generator, classifier = make(architecture)
    inputs = generator.inputs(range(4))
    turned = turn(generator, classifier, inputs, [{0: 0.9}] * 4, hold=False)
    still = ~(turned.before[:, 0] >= 0.9)
    assert (turned.after[still, 0] > turned.before[still, 0]).all()
    assert torch.equal(turned.after, classifier(turned.images).sigmoid())
    if isinstance(generator, ConditionalGenerator | PromptedGenerator) and not generator.style_dim:
        assert torch.equal(generator(turned.latents, inputs[1]), turned.images)
    elif not generator.style_dim:
        assert torch.allclose(turned.latents.norm(dim=1), inputs[0].norm(dim=1), rtol=1e-5)
        assert torch.equal(generator(turned.latents), turned.images)
