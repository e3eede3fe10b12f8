"""Nobody waits for a neighbour's long request, and nobody's row is forgotten."""

import asyncio
from pathlib import Path

import pytest

from atelier.serving.waiting import Drawing, Waiting, Weights

pytestmark = pytest.mark.anyio

CATS, DOGS = (Weights(Path(f"versions/{name}/v3"), name) for name in ("cats", "dogs"))


def drawings(*seeds: int) -> list[Drawing]:
    return [Drawing({"seed": seed}, asyncio.get_running_loop().create_future()) for seed in seeds]


def taken(waiting: Waiting, most: int) -> tuple[str, list[int]] | None:
    batch = waiting.take(most)
    return batch and (batch[0].name, [drawing.row["seed"] for drawing in batch[1]])


async def test_requests_and_versions_take_turns() -> None:
    waiting = Waiting()
    waiting.add(CATS, drawings(*range(6)))
    waiting.add(CATS, drawings(10))
    waiting.add(DOGS, drawings(20))
    waiting.add(CATS, drawings(30, 31))
    assert len(waiting) == 10
    assert taken(waiting, 4) == ("cats@3", [0, 10, 30, 1])
    assert taken(waiting, 4) == ("dogs@3", [20])
    assert taken(waiting, 4) == ("cats@3", [31, 2, 3, 4])
    assert taken(waiting, 4) == ("cats@3", [5])
    assert taken(waiting, 4) is None


async def test_what_nobody_wants_any_more_is_passed_over() -> None:
    waiting = Waiting()
    gone, stays = drawings(1, 2, 3), drawings(4)
    waiting.add(CATS, gone)
    waiting.add(DOGS, stays)
    for drawing in gone:
        drawing.content.cancel()
    assert len(waiting) == 1
    assert taken(waiting, 4) == ("dogs@3", [4])
    assert taken(waiting, 4) is None
