"""What was drawn is drawn once, however many ask, and whoever of them leaves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from atelier.errors import AtelierError
from atelier.models.base import Generator
from atelier.serving.drawn import Drawn
from atelier.serving.engine import MAX_WAITING, Engine
from atelier.serving.images import path_of
from atelier.serving.requests import Row
from atelier.serving.waiting import Weights

pytestmark = pytest.mark.anyio

Artifacts = Callable[[str], tuple[Path, Generator]]


class Counting(Engine):
    """Counts the rows that are asked of it."""

    rows = 0

    def submit(self, weights: Weights, rows: Sequence[Row], *, most_waiting: int = MAX_WAITING) -> list[asyncio.Future[bytes]]:
        self.rows += len(rows)
        return super().submit(weights, rows, most_waiting=most_waiting)


@pytest.fixture(scope="module")
async def engine(anyio_backend: str) -> AsyncIterator[Counting]:
    async with Counting("cpu") as engine:
        await engine.start()
        yield engine


@pytest.fixture
def weights(artifacts: Artifacts, engine: Counting) -> Weights:
    engine.rows = 0
    return Weights(artifacts("vae")[0], "vae")


def wanted(*seeds: int) -> dict[str, Row]:
    return {f"{seed:032x}": {"seed": seed} for seed in seeds}


async def test_the_same_image_is_drawn_once_for_all_who_ask(engine: Counting, weights: Weights, tmp_path: Path) -> None:
    drawn = Drawn(tmp_path, engine)
    answers = await asyncio.gather(*(drawn.get(weights, wanted(1, 2)) for _ in range(4)), drawn.get(weights, wanted(2, 3)))
    assert engine.rows == 3
    assert all(answer == answers[0] for answer in answers[:4])
    image = f"{2:032x}"
    assert answers[4][image] == answers[0][image] == (await drawn.find([image]))[image]
    assert path_of(tmp_path, image).read_bytes() == answers[0][image]
    assert await drawn.get(weights, wanted(3, 2, 1)) == {**answers[0], **answers[4]}
    assert list(await drawn.get(weights, wanted(3, 2, 1))) == list(wanted(3, 2, 1))
    assert engine.rows == 3
    path_of(tmp_path, image).unlink()
    assert (await drawn.get(weights, wanted(2)))[image] == answers[0][image]
    assert engine.rows == 4


async def test_who_leaves_takes_nothing_from_the_others_and_leaves_no_work(engine: Counting, weights: Weights, tmp_path: Path) -> None:
    drawn = Drawn(tmp_path, engine)
    leaves = asyncio.create_task(drawn.get(weights, wanted(5, 6)))
    stays = asyncio.create_task(drawn.get(weights, wanted(5)))
    await asyncio.sleep(0)
    leaves.cancel()
    assert len(await stays) == 1
    assert engine.rows == 2

    alone = asyncio.create_task(drawn.get(weights, wanted(7)))
    await asyncio.sleep(0)
    alone.cancel()
    await asyncio.gather(alone, return_exceptions=True)
    assert engine.waiting == 0
    assert len(await drawn.get(weights, wanted(7))) == 1  # begun anew, not joined to what was given up


async def test_a_failure_is_told_to_all_and_not_kept(engine: Counting, weights: Weights, tmp_path: Path) -> None:
    drawn = Drawn(tmp_path, engine)
    nowhere = Weights(tmp_path / "nothing" / "v1", "nothing")
    answers = await asyncio.gather(*(drawn.get(nowhere, wanted(8)) for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [AtelierError] * 3
    assert await drawn.find(list(wanted(8))) == {}
    assert len(await drawn.get(weights, wanted(8))) == 1


async def test_a_picture_that_can_not_be_kept_is_answered_all_the_same(engine: Counting, weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    full = Drawn(tmp_path / "file", engine)  # where no folder can be
    answer = (await Drawn(tmp_path / "images", engine).get(weights, wanted(9)))[f"{9:032x}"]
    assert (await full.get(weights, wanted(9)))[f"{9:032x}"] == answer
    assert await full.find(list(wanted(9))) == {}
