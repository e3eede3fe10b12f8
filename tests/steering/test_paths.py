"""Ways between latents keep to where generators know their way, and end where they should."""

from itertools import pairwise
from typing import get_args

import pytest
import torch

from atelier.models import architectures
from atelier.models.base import Generator, ImageSpec
from atelier.steering.latents import Latents, draw, styles
from atelier.steering.paths import Easing, between, blocks, ease, lerp, mixed, slerp

PLACES = [0.01, 0.25, 0.5, 0.9]


def generator_of(name: str) -> Generator:
    torch.manual_seed(0)
    cls = architectures[name]
    hp = cls.hyperparameters("debug")
    return cls(hp, ImageSpec(3, hp.resolution, 3, 2)).generator.eval().requires_grad_(False)


def row(generator: Generator, seed: int) -> Latents:
    return Latents(generator.inputs([seed]))


@pytest.mark.parametrize("t", PLACES)
def test_slerp_stays_on_the_shell_and_goes_at_an_even_pace(t: float) -> None:
    a, b = torch.nn.functional.normalize(torch.randn(2, 100, generator=torch.Generator().manual_seed(1)), dim=1) * 10
    there = slerp(a, b, t)
    assert there.norm().item() == pytest.approx(10, rel=1e-6)
    whole = torch.arccos(a.double() @ b.double() / 100).item()
    assert torch.arccos(a.double() @ there.double() / 100).item() == pytest.approx(t * whole, abs=1e-4)


@pytest.mark.parametrize("t", PLACES)
def test_lengths_that_differ_are_passed_evenly(t: float) -> None:
    a, b = torch.tensor([2.0, 0, 0]), torch.tensor([0, 6.0, 0])
    assert slerp(a, b, t).norm().item() == pytest.approx(2 + 4 * t, rel=1e-6)


def test_where_no_way_is_the_shortest_it_is_straight() -> None:
    a = torch.tensor([1.0, 2.0])
    assert torch.allclose(slerp(a, -a, 0.25), a / 2)
    assert torch.allclose(slerp(torch.zeros(2), a, 0.5), a / 2)
    assert torch.equal(slerp(a, a, 0.3), a)


def test_ways_end_exactly_where_they_lead() -> None:
    a, b = torch.randn(2, 64, generator=torch.Generator().manual_seed(3))
    assert torch.equal(lerp(a, b, 0), a)
    assert torch.equal(lerp(a, b, 1), b)
    assert torch.equal(lerp(a, a, 0.3), a)


@pytest.mark.parametrize("name", ["dcgan", "cgan", "text_dcgan"])
def test_conditions_go_straight_while_z_keeps_its_length(name: str) -> None:
    generator = generator_of(name)
    a, b = row(generator, 1), row(generator, 2)
    middle = between(generator, a, b, 0.5, "z", {})
    lengths = [latents.inputs[0].norm().item() for latents in (a, middle, b)]
    assert lengths[1] == pytest.approx((lengths[0] + lengths[2]) / 2, rel=1e-5)
    for one, other, mean in zip(a.inputs[1:], b.inputs[1:], middle.inputs[1:], strict=True):
        assert torch.allclose(mean, (one + other) / 2, atol=1e-6)


def test_a_way_in_w_is_straight_in_styles_that_are_truncated_as_asked() -> None:
    generator = generator_of("stylegan")
    a, b, options = row(generator, 1), row(generator, 2), {"truncation_psi": 0.5}
    quarter = between(generator, a, b, 0.25, "w", options)
    ends = [styles(generator, latents, options) for latents in (a, b)]
    assert quarter.styles is not None
    assert torch.allclose(quarter.styles, 0.75 * ends[0] + 0.25 * ends[1], atol=1e-6)
    assert not torch.allclose(quarter.styles, styles(generator, between(generator, a, b, 0.25, "z", {}), options), atol=1e-3)
    for place, end in ((0, a), (1, b)):
        assert torch.equal(draw(generator, between(generator, a, b, place, "w", {})), draw(generator, end))


def test_what_there_is_no_way_through_is_refused() -> None:
    plain, styled = generator_of("dcgan"), generator_of("stylegan")
    with pytest.raises(ValueError, match="no w"):
        between(plain, row(plain, 1), row(plain, 2), 0.5, "w", {})
    with pytest.raises(ValueError, match="no w"):
        mixed(plain, row(plain, 1), row(plain, 2), [0], {})
    a = row(styled, 1)
    with pytest.raises(ValueError, match="through w"):
        between(styled, Latents(a.inputs, styles(styled, a)), row(styled, 2), 0.5, "z", {})


def test_mixing_takes_layers_of_the_other_and_nothing_else() -> None:
    generator = generator_of("stylegan")
    a, b = row(generator, 1), row(generator, 2)
    count = styles(generator, a).shape[1]
    some = mixed(generator, a, b, [1, 4], {}).styles
    assert some is not None
    for layer in range(count):
        assert torch.equal(some[:, layer], styles(generator, b if layer in (1, 4) else a)[:, layer])
    assert torch.equal(draw(generator, mixed(generator, a, b, [], {})), draw(generator, a))
    assert torch.equal(draw(generator, mixed(generator, a, b, range(count), {})), draw(generator, b))


@pytest.mark.parametrize("layers", [6, 8, 10, 12, 18])
def test_layers_are_coarse_middle_or_fine(layers: int) -> None:
    parts = blocks(layers)
    assert [layer for part in parts.values() for layer in part] == list(range(layers))
    assert all(len(part) >= 2 for part in parts.values())


@pytest.mark.parametrize("easing", get_args(Easing))
def test_easing_never_turns_back(easing: Easing) -> None:
    places = [ease(step / 200, easing) for step in range(201)]
    assert (places[0], places[-1]) == (0, 1)
    assert all(before < after for before, after in pairwise(places))


def test_easing_is_that_of_css() -> None:
    # What browsers give for cubic-bezier(…) at a quarter of the time.
    wanted = {"linear": 0.25, "ease": 0.4085, "ease-in": 0.0935, "ease-out": 0.3785, "ease-in-out": 0.1292}
    assert {name: round(ease(0.25, name), 4) for name in get_args(Easing)} == pytest.approx(wanted, abs=1e-3)
    assert ease(0.5, "ease-in-out") == pytest.approx(0.5)
    assert ease(0.3, "ease-in") == pytest.approx(1 - ease(0.7, "ease-out"))
