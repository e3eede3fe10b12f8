"""Drawing by ONNX Runtime: the same pictures, each of its row alone, and torch where the graph can't."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.serving.conftest import make_generator

from atelier.models.base import Generator, ImageSpec
from atelier.models.onnx import export
from atelier.serving.accelerate import accelerate

LEVEL = 1 / 127.5


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compiled") / "digest.onnx"
    export(styled(), path, {})
    return path


def styled() -> Generator:
    return make_generator("stylegan", "debug", ImageSpec(3, 16, 5, 4), conditions="class")[1]


def draw(generator: Generator, count: int, start: int = 0, **options: Any) -> torch.Tensor:
    with torch.inference_mode():
        images: torch.Tensor = generator(*generator.inputs(range(start, start + count)), **options)
        return images


def test_it_draws_the_same_and_each_row_alone(graph: Path) -> None:
    fast = accelerate(styled(), graph)
    for options in ({}, {"truncation_psi": 0.5}, {"noise_mode": "const", "truncation_psi": 1}):
        images = draw(fast, 16, **options)
        torch.testing.assert_close(images, draw(styled(), 16, **options), atol=0.1 * LEVEL, rtol=0)
        for size in (1, 2, 3, 4, 8):
            parts = [draw(fast, size, start, **options) for start in range(0, 16 - size + 1, size)]
            assert torch.equal(torch.cat(parts), images[: len(parts) * size])


@pytest.mark.parametrize(
    "options",
    [
        {"noise_mode": "none"},
        {"noise_mode": "random", "seeds": [7, 8, 9]},
        {"truncation_psi": 0.5, "truncation_cutoff": 2},
    ],
    ids=["no noise", "own noise", "cutoff"],
)
def test_what_the_graph_has_not_is_drawn_by_torch_row_by_row(graph: Path, options: dict[str, Any]) -> None:
    fast = accelerate(styled(), graph)
    images = draw(fast, 3, **options)
    torch.testing.assert_close(images, draw(styled(), 3, **options), atol=0.1 * LEVEL, rtol=0)
    assert (images - draw(fast, 3)).abs().max() > LEVEL  # what was asked for makes a difference
    alone = {**options, "seeds": options["seeds"][1:2]} if "seeds" in options else options
    assert torch.equal(draw(fast, 1, 1, **alone), images[1:2])


def test_gradients_and_styles_are_as_they_were(graph: Path) -> None:
    fast, slow = accelerate(styled(), graph), styled()
    z, condition = fast.inputs([1])
    z.requires_grad_()
    (gradient,) = torch.autograd.grad(fast(z, condition).sum(), z)
    assert gradient.abs().max() > 0
    mixed = torch.randn(1, 6, fast.latent_dim)
    with torch.inference_mode():
        assert torch.equal(fast(mixed, condition), slow(mixed, condition))


def test_without_a_graph_that_fits_torch_draws(graph: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    missing = accelerate(styled(), tmp_path / "missing.onnx")
    assert torch.equal(draw(missing, 2), draw(styled(), 2))
    (tmp_path / "damaged.onnx").write_bytes(graph.read_bytes()[:5000])
    other = styled()
    with torch.no_grad():
        other.to_images[0].bias.add_(0.3)  # type: ignore[index, union-attr, operator]
    changed = draw(other, 2)
    with caplog.at_level(logging.WARNING):
        assert torch.equal(draw(accelerate(styled(), tmp_path / "damaged.onnx"), 2), draw(styled(), 2))
        assert torch.equal(draw(accelerate(other, graph), 2), changed)
    damaged, differing = (record.message for record in caplog.records)
    assert "damaged.onnx" in damaged
    assert "images that differ by" in differing
