"""What is drawn from more than a seed: latents that are given, moved, mixed or on their way, each a function of its own row."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.serving.conftest import make_generator
from tests.serving.test_passes import CONDITIONED

from atelier.models.base import Generator, ImageSpec
from atelier.models.prompted import PromptedGenerator
from atelier.serving.passes import Drawer
from atelier.serving.rows import AlongRow, BetweenRow, Entry, LatentRow, MixedRow, MovesRow, Row
from atelier.steering.directions import Direction, Facts, publish
from atelier.steering.latents import Latents, draw, keep, space_of, styles

DIGEST = "d" * 64


def generators(architecture: str, **chosen: Any) -> Generator:
    return make_generator(architecture, "debug", ImageSpec(3, 16, 5, 4), **chosen)[1]


def published(generator: Generator, folder: Path) -> list[Facts]:
    """Two random directions of the generator."""
    space = space_of(generator)
    width = generator.style_dim or generator.codes(generator.inputs([0])[0]).shape[1]
    vectors = torch.nn.functional.normalize(torch.randn(2, width, generator=torch.Generator().manual_seed(7)), dim=1)
    layers = [None, (1, 3) if generator.style_dim else None]
    facts = [
        Facts(id=f"sefa-{number}", name=f"SeFa {number}", method="sefa", space=space, scale=1.5, layers=where)
        for number, where in enumerate(layers, 1)
    ]
    found = [Direction(one, vector) for one, vector in zip(facts, vectors, strict=True)]
    publish(folder, found, {}, version=DIGEST, methods=["sefa"], classifier=None)
    return facts


def moves(facts: list[Facts], folder: Path, *amounts: float) -> MovesRow:
    [vectors] = folder.glob("*.safetensors")
    along = [
        AlongRow(id=one.id, space=one.space, layers=one.layers, scale=one.scale, amount=amount)
        for one, amount in zip(facts, amounts, strict=False)
    ]
    return MovesRow(vectors=str(vectors), along=along)


def chosen(generator: Generator, index: int) -> list[Entry]:
    if isinstance(generator, PromptedGenerator):
        return [("a blue circle" if index else "a red star", 1.0)]
    return [(index, 1.5)] if generator.condition_dim else []


def rows_of(generator: Generator, folder: Path) -> list[Row]:
    """Rows of all kinds side by side."""
    facts = published(generator, folder / "directions")
    z = torch.randn(generator.latent_dim, generator=torch.Generator().manual_seed(9)).tolist()
    inputs = generator.inputs([5])
    kept = Latents(inputs, styles(generator, Latents(inputs)) + 0.1 if generator.style_dim else None)
    keep(folder / "7.safetensors", kept, digest=DIGEST)
    projection = LatentRow(file=str(folder / "7.safetensors"), version=DIGEST)
    along = [moves(facts, folder / "directions", *amounts) for amounts in ((2.0,), (-1.0, 0.5))]
    other: Row = {"seed": 8, "chosen": chosen(generator, 2), "moves": along[1]}
    rows: list[Row] = [
        {"seed": 1},
        {"seed": 1, "latent": z},
        {"seed": 1, "latent": z, "chosen": chosen(generator, 0)},
        {"seed": 1, "moves": along[0]},
        {"seed": 1, "moves": along[1]},
        {"seed": 2, "chosen": chosen(generator, 1), "moves": along[1]},
        {"seed": 1, "latent": projection},
        {"seed": 1, "latent": projection, "moves": along[0]},
        {"seed": 1, "between": BetweenRow(row={"seed": 2}, t=0.25, space="z")},
        {"seed": 1, "between": BetweenRow(row=other, t=0.75, space="w" if generator.style_dim else "z")},
        {"seed": 2, "chosen": chosen(generator, 1), "moves": along[0], "between": BetweenRow(row=other, t=0.5, space="z")},
    ]
    if generator.style_dim:
        rows += [
            {"seed": 1, "mixed": MixedRow(row=other, layers=[2, 3])},
            {"seed": 1, "latent": projection, "between": BetweenRow(row={"seed": 2}, t=0.5, space="w")},
            {"seed": 1, "moves": along[0], "options": {"noise_mode": "random", "truncation_psi": 0.5}},
        ]
    return rows


@pytest.mark.parametrize(("architecture", "conditions"), CONDITIONED)
def test_each_is_a_function_of_its_own_row_and_shows(tmp_path: Path, architecture: str, conditions: str | None) -> None:
    generator = generators(architecture, **({"conditions": conditions} if conditions else {}))
    rows = rows_of(generator, tmp_path)
    drawer = Drawer(generator)
    together = drawer.draw(rows)
    assert torch.equal(together, torch.cat([drawer.draw([row]) for row in rows]))
    assert torch.equal(together, drawer.draw([*rows, *rows])[len(rows) :])
    for index, image in enumerate(together):
        same = [other for other in range(index) if torch.equal(image, together[other])]
        expected = [1] if index == 2 and not generator.condition_dim else []  # there is nothing that could be chosen beside its z
        assert same == expected, (rows[index], [rows[other] for other in same])


def test_styles_are_drawn_many_at_a_time() -> None:
    class Counting(Drawer):
        passes = 0

        def _pass(self, rows: Sequence[Row]) -> torch.Tensor:
            self.passes += 1
            return super()._pass(rows)

    rows: list[Row] = [{"seed": seed, "between": BetweenRow(row={"seed": 0}, t=0.5, space="w")} for seed in range(1, 17)]
    (drawer := Counting(generators("stylegan"))).draw(rows)
    assert drawer.passes <= 4


@pytest.mark.parametrize("architecture", ["dcgan", "vae", "cgan", "stylegan", "text_dcgan"])
def test_a_seeds_own_latent_draws_what_the_seed_draws(tmp_path: Path, architecture: str) -> None:
    generator = generators(architecture)
    drawer = Drawer(generator)
    inputs = generator.inputs([3])
    keep(tmp_path / "1.safetensors", Latents(inputs), digest=DIGEST)
    projection = LatentRow(file=str(tmp_path / "1.safetensors"), version=DIGEST)
    given: list[Any] = [inputs[0][0].tolist(), projection]
    wanted = drawer.draw([{"seed": 3}])
    assert all(torch.equal(drawer.draw([{"seed": 3, "latent": latent}]), wanted) for latent in given)


@pytest.mark.parametrize("architecture", ["cgan", "controlgan"])
def test_a_projection_keeps_its_condition_unless_another_is_chosen(tmp_path: Path, architecture: str) -> None:
    generator = generators(architecture)
    z, condition = generator.inputs([3], [{index: float(index == 4) for index in range(generator.condition_dim)}])
    keep(tmp_path / "1.safetensors", Latents((z, condition)), digest=DIGEST)
    row: Row = {"seed": 11, "latent": LatentRow(file=str(tmp_path / "1.safetensors"), version=DIGEST)}
    drawer = Drawer(generator)
    own, other = drawer.draw([row, {**row, "chosen": [(4, 0.0), (1, 1.0)]}])
    every = [(index, float(index == 4)) for index in range(generator.condition_dim)]
    assert torch.equal(own, drawer.draw([{"seed": 3, "chosen": list(every)}])[0])
    assert not torch.equal(own, other)


def test_a_way_in_w_is_truncated_as_its_ends_are() -> None:
    generator = generators("stylegan")
    options = {"truncation_psi": 0.0, "noise_mode": "none"}
    ends: list[Row] = [{"seed": seed, "options": options} for seed in (1, 2)]
    middle: Row = {**ends[0], "between": BetweenRow(row=ends[1], t=0.5, space="w")}
    drawn = Drawer(generator).draw([*ends, middle])
    assert (drawn[0].int() - drawn[2].int()).abs().max() <= 1  # of the mean style there is one


def test_a_slider_is_led_evenly_from_one_end_to_the_other(tmp_path: Path) -> None:
    generator = generators("dcgan")
    facts = published(generator, tmp_path)
    ends: list[Row] = [{"seed": 1, "moves": moves(facts, tmp_path, amount)} for amount in (-3.0, 3.0)]
    drawer = Drawer(generator)
    middle, quarter = drawer.draw([{**ends[0], "between": BetweenRow(row=ends[1], t=t, space="z")} for t in (0.5, 0.75)])
    assert torch.equal(middle, drawer.draw([{"seed": 1}])[0])
    assert torch.equal(quarter, drawer.draw([{"seed": 1, "moves": moves(facts, tmp_path, 1.5)}])[0])


def test_styles_of_a_projection_are_drawn_as_they_are(tmp_path: Path) -> None:
    generator = generators("stylegan")
    w = styles(generator, Latents(generator.inputs([1]))) * 1.2
    keep(tmp_path / "1.safetensors", Latents(generator.inputs([2]), w), digest=DIGEST)
    [drawn] = Drawer(generator).draw([{"seed": 5, "latent": LatentRow(file=str(tmp_path / "1.safetensors"), version=DIGEST)}])
    wanted = draw(generator, Latents(generator.inputs([2]), w))[0].permute(1, 2, 0)
    assert (drawn - (wanted + 1) * 127.5).abs().max() < 1


def test_what_has_gone_meanwhile_is_told(tmp_path: Path) -> None:
    drawer = Drawer(generators("dcgan"))
    with pytest.raises(ValueError, match="found anew"):
        drawer.draw([{"seed": 1, "moves": MovesRow(vectors=str(tmp_path / "gone"), along=[])}])
    with pytest.raises(ValueError, match="removed"):
        drawer.draw([{"seed": 1, "latent": LatentRow(file=str(tmp_path / "gone"), version=DIGEST)}])
