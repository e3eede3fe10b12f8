"""A version that draws a lot gets a graph, by which it is drawn from then on."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.serving.conftest import make_generator, save

from atelier.models.artifact import WEIGHTS
from atelier.models.base import ImageSpec
from atelier.serving.engine import Engine
from atelier.serving.graphs import Graphs, by_graph, graph_of
from atelier.serving.rows import Row
from atelier.serving.waiting import Weights

pytestmark = pytest.mark.anyio


async def test_what_draws_a_lot_is_drawn_by_a_graph_from_then_on(tmp_path: Path) -> None:
    spec = ImageSpec(3, 16, 5, 4)
    hp, generator = make_generator("dcgan", "debug", spec)
    weights = Weights(save(tmp_path / "versions" / "cats" / "v1", "dcgan", hp, generator, spec), "digest")
    rows: list[Row] = [{"seed": seed} for seed in range(9)]

    def pixels(pngs: list[bytes]) -> np.ndarray:
        return np.stack([np.asarray(Image.open(io.BytesIO(png)), dtype=int) for png in pngs])

    graphs = Graphs(after=10)
    async with Engine("cpu", graphs=graphs) as engine:
        slow = pixels(await engine.draw(weights, rows))
        assert not graphs._making
        await engine.draw(weights, rows[:1])
        [making] = graphs._making.values()
        await making
        assert await graphs.get(weights) == graph_of(weights)  # there already
        fast = by_graph(weights)
        assert fast.graph == graph_of(weights)

        together = pixels(await engine.draw(fast, rows))
        [loaded] = engine.loaded
        assert loaded.bytes == pytest.approx((weights.folder / WEIGHTS).stat().st_size + graph_of(weights).stat().st_size, rel=0.1)
        assert np.abs(together - slow).max() <= 1
        for row, image in zip(rows, together, strict=True):
            assert np.array_equal(pixels(await engine.draw(fast, [row]))[0], image)
        assert np.array_equal(pixels(await engine.draw(weights, rows)), slow)  # who still asks for torch's bits has them
