"""An image is a function of its weights and its own row, whatever is drawn beside it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from atelier.models import architectures
from atelier.models.base import Generator
from atelier.models.prompted import PromptedGenerator
from atelier.serving.passes import Drawer, cut
from atelier.serving.rows import Entry, Row

COUNT = 67  # the last pass is not full
PROMPTS: list[list[Entry]] = [[], [("a red star", 1.0)], [("a red star", 1.5), ("a pink star", -0.5)], [("", 1.0)], [("🙂 " * 90, 1.0)]]
CONDITIONS: list[list[Entry]] = [[], [(1, 1.0)], [(0, 0.5), (1, 0.5), (2, 0.0), (3, 0.0)], [(3, -1.5), (2, 2.0)]]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"truncation_psi": 0.5},
    {"truncation_psi": 0.5, "truncation_cutoff": 2},
    {"noise_mode": "random"},
    {"noise_mode": "none", "truncation_psi": 0.9},
]
CONDITIONED = [
    (name, conditions)
    for name, cls in architectures.items()
    for conditions in cls.Hyperparameters.model_json_schema()["properties"].get("conditions", {}).get("enum", [None])
]


def rows_of(architecture: str, generator: Generator) -> list[Row]:
    """Rows that ask for all sorts of things that such a generator can draw, side by side."""
    fitting = [options for options in OPTIONS if options.keys() <= set(architectures[architecture].options)]
    conditions = PROMPTS if isinstance(generator, PromptedGenerator) else CONDITIONS if generator.condition_dim else [[]]
    return [
        Row(seed=seed, chosen=conditions[seed % len(conditions)], options=fitting[seed // 2 % len(fitting)], parameters={})
        for seed in range(COUNT)
    ]


@pytest.mark.parametrize(("architecture", "conditions"), CONDITIONED)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_of_a_batch_equals_the_image_drawn_alone(
    generators: Callable[..., Generator], architecture: str, conditions: str | None, channels: int
) -> None:
    generator = generators(architecture, channels, **({"conditions": conditions} if conditions else {}))
    rows = rows_of(architecture, generator)
    drawer = Drawer(generator)
    together = drawer.draw(rows)  # uint8 [N, H, W, C]
    assert together.shape == (COUNT, 32, 32, channels)
    assert together.dtype == torch.uint8
    assert together.float().std() > 30

    alone = torch.cat([drawer.draw([row]) for row in rows])
    assert torch.equal(together, alone)
    assert torch.equal(together.flip(0), drawer.draw(rows[::-1]))
    assert not torch.equal(alone[0], alone[1])


@pytest.mark.parametrize(("architecture", "conditions"), CONDITIONED)
def test_all_that_is_asked_for_shows(generators: Callable[..., Generator], architecture: str, conditions: str | None) -> None:
    generator = generators(architecture, 3, **({"conditions": conditions} if conditions else {}))
    wanted: list[Row] = [{"seed": 1}]
    if isinstance(generator, PromptedGenerator):
        wanted += [{"seed": 1, "chosen": chosen} for chosen in PROMPTS[1:]]
    elif generator.condition_dim:
        wanted += [{"seed": 1, "chosen": [(index, float(index == on)) for index in range(generator.condition_dim)]} for on in range(3)]
        wanted += [{"seed": 1, "chosen": [(index, 0.0) for index in range(generator.condition_dim)]}]
        wanted[0]["chosen"] = [(3, 1.5)]
    wanted += [{**wanted[0], "options": options} for options in OPTIONS[1:] if options.keys() <= set(architectures[architecture].options)]
    images = Drawer(generator).draw(wanted)
    for index in range(len(images)):
        assert all(not torch.equal(images[index], other) for other in images[index + 1 :]), wanted[index]


def test_what_is_not_asked_for_follows_from_the_seed(generators: Callable[..., Generator]) -> None:
    generator = generators("cgan", 3)
    seeds = range(12)
    typical = [generator.inputs([seed])[1][0].tolist() for seed in seeds]
    assert len({tuple(condition) for condition in typical}) > 1
    asked: list[Row] = [{"seed": seed, "chosen": list(enumerate(condition))} for seed, condition in zip(seeds, typical, strict=True)]
    assert torch.equal(Drawer(generator).draw([{"seed": seed} for seed in seeds]), Drawer(generator).draw(asked))


@pytest.mark.parametrize(
    ("count", "sizes", "passes"),
    [
        (1, (16, 8, 4, 2, 1), [1]),
        (3, (16, 8, 4, 2, 1), [4]),
        (21, (16, 8, 4, 2, 1), [16, 4, 1]),
        (13, (16, 8, 4, 2, 1), [16]),
        (1, (4,), [4]),
        (9, (4,), [4, 4, 4]),
        (67, (16, 8, 4, 2), [16, 16, 16, 16, 4]),
    ],
)
def test_passes_are_as_full_as_they_can_be(count: int, sizes: tuple[int, ...], passes: list[int]) -> None:
    assert cut(count, sizes) == passes


def test_a_generator_that_one_row_makes_different_never_draws_one_row() -> None:
    class Fickle(Generator):
        latent_dim = 8

        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(8))

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return (z * self.weight)[:, :3, None, None] * (1 + 1e-6 * (len(z) == 1))

    assert Drawer(Fickle().requires_grad_(False)).sizes == (16, 8, 4, 2)
