"""What was drawn is remembered behind the requests' backs, bounded, and whole again after a crash."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import event, select

from atelier.registry import queries
from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.registry.tables import DrawnImage, Job, Model, Version
from atelier.serving import history
from atelier.serving.history import History, Kept, mend, prune, record, words
from atelier.serving.images import encode, image_id, keep, path_of

DIGEST = "d" * 64


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    migrate(database_url)
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def draw(store: Store) -> Callable[..., Kept]:
    """An image whose file is there, and is as old as wanted."""

    def draw(seed: int, *, seconds_ago: float = 0, model: str = "tiny", **wishes: Any) -> Kept:
        parameters = {"model": model, "version": 2, "seed": seed, **wishes}
        identity = image_id(DIGEST, {"seed": seed, **wishes})
        path = path_of(store.images, identity)
        keep(path, encode(Image.new("RGB", (16, 12)), parameters))
        os.utime(path, (time.time() - seconds_ago,) * 2)
        return Kept(identity, DIGEST, parameters)

    return draw


def seeds(database: Database) -> list[int]:
    """Of the history, last drawn first."""
    with database.read() as session:
        return [row.seed for row in session.scalars(queries.history())]


def files(store: Store) -> set[str]:
    return {path.name for path in store.images.glob("*/*")}


def test_rows_are_written_together_and_nobody_waits(database: Database, store: Store, draw: Callable[..., Kept]) -> None:
    transactions = []
    event.listen(database.engine, "begin", lambda connection: transactions.append(connection.get_execution_options()))
    drawn = [draw(seed) for seed in range(40)]
    last = draw(40)

    async def main() -> None:
        async with History(database, store) as history:
            with database.write() as session:  # while somebody else writes
                session.execute(select(1))
                for one in drawn:
                    history.add([one])
                await asyncio.sleep(1.2)
            for _ in range(200):
                if seeds(database):
                    break
                await asyncio.sleep(0.05)
            assert seeds(database) == list(range(39, -1, -1))
            assert sum("reads" not in options for options in transactions) == 2  # with somebody else's
            history.add([drawn[7], drawn[3]])
            await history.flush()
            assert seeds(database)[:3] == [3, 7, 39]
            history.add([last])

    asyncio.run(main())
    assert seeds(database)[:3] == [40, 3, 7]  # what was told before the end is not lost
    with database.read() as session:
        row = session.get_one(DrawnImage, drawn[5].id)
        size = path_of(store.images, row.id).stat().st_size
        assert (row.width, row.height, row.bytes, row.model, row.version, row.favourite) == (16, 12, size, "tiny", 2, False)
        assert row.parameters == drawn[5].parameters


def test_a_database_that_fails_costs_rows_and_not_the_writer(
    database: Database, store: Store, draw: Callable[..., Kept], caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with History(database, store) as history:
            history.add([Kept(draw(0).id, DIGEST, {"model": "x" * 10})])  # a row that can't be
            await history.flush()
            history.add([draw(1)])

    asyncio.run(main())
    assert seeds(database) == [1]
    assert "1 drawn images have no rows yet" in caplog.text


def test_what_was_deleted_before_its_row_was_written_gets_none(database: Database, store: Store, draw: Callable[..., Kept]) -> None:
    one = draw(0)
    path_of(store.images, one.id).unlink()
    record(database, store, [one, draw(1)])
    assert seeds(database) == [1]


@pytest.mark.parametrize("by", ["number", "bytes"])
def test_the_oldest_go_first_and_favourites_never(database: Database, store: Store, draw: Callable[..., Kept], by: str) -> None:
    drawn = [draw(seed) for seed in range(6)]
    record(database, store, drawn)
    record(database, store, [drawn[0]])  # drawn again: not the oldest any more
    with database.write() as session:
        session.get_one(DrawnImage, drawn[1].id).favourite = True
        session.add(Job(kind="stylize", spec={"content": {"picture": drawn[2].id}}))
        session.add(Job(kind="stylize", spec={"content": {"picture": drawn[3].id}}, status="succeeded"))
        size = max(session.scalars(select(DrawnImage.bytes)))
    limits = {"most_images": 3, "most_bytes": 1 << 30} if by == "number" else {"most_images": 99, "most_bytes": 3 * size}
    assert prune(database, store, **limits, young_seconds=60) == 0  # somebody may be on the way to fetch them
    assert prune(database, store, **limits, young_seconds=0) == 1
    assert seeds(database) == [0, 5, 4, 2, 1]
    assert files(store) == {f"{one.id}.png" for one in drawn if one is not drawn[3]}
    assert prune(database, store, most_images=0, most_bytes=0, young_seconds=0) == 3
    assert seeds(database) == [2, 1]


def test_files_and_rows_find_each_other_after_a_crash(database: Database, store: Store, draw: Callable[..., Kept]) -> None:
    with database.write() as session:
        session.add(Version(model=Model(name="tiny"), number=2, architecture="dcgan", dataset="shapes", manifest={}, digest=DIGEST))
    late, early = draw(0, seconds_ago=500), draw(1, seconds_ago=900, prompt="a star")
    foreign = draw(2, seconds_ago=990, model="gone")
    young = draw(3, seconds_ago=5)
    whole = path_of(store.images, draw(4, seconds_ago=900).id)
    half = whole.with_suffix(".png.part")
    whole.rename(half)
    strange = [store.images / "ab" / name for name in ("abc.png", f"ab{'0' * 30}.png")]
    strange[0].parent.mkdir(exist_ok=True)
    strange[0].write_bytes(b"no picture")
    strange[1].write_bytes(encode(Image.new("RGB", (8, 8)), {"style": "ink"}))
    for path in strange:
        os.utime(path, (time.time() - 900,) * 2)
    lost = draw(5)
    record(database, store, [lost])
    path_of(store.images, lost.id).unlink()

    mend(database, store)

    assert files(store) == {f"{one.id}.png" for one in (late, early, foreign, young)}
    with database.read() as session:
        rows = session.scalars(queries.history()).all()
    assert [(row.seed, row.digest) for row in rows] == [(0, DIGEST), (1, DIGEST), (2, None)]
    assert rows[1].parameters["prompt"] == "a star"
    assert 890 < time.time() - rows[1].created_at.timestamp() < 910
    record(database, store, [young])  # its row was on the way
    assert seeds(database)[0] == 3
    mend(database, store, young_seconds=0)
    assert len(seeds(database)) == 4


def test_what_is_made_of_two_images_stays_for_a_day_without_a_row(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def derived(number: int, *, hours_ago: float, **told: Any) -> Path:
        path = path_of(store.images, f"{number:032x}")
        keep(path, encode(Image.new("RGB", (16, 12)), {"model": "tiny", "version": 2, **told}))
        os.utime(path, (time.time() - 3600 * hours_ago,) * 2)
        return path

    ends = [{"seed": 1}, {"seed": 2}]
    frames = [derived(number, hours_ago=number, between=ends, t=0.5, space="z") for number in (1, 2, 23, 25)]
    cell = derived(100, hours_ago=3, mixed=ends, layers=[1])
    other = derived(101, hours_ago=3, rows=ends)
    mend(database, store)
    assert [path.exists() for path in [*frames, cell, other]] == [True, True, True, False, True, False]
    assert seeds(database) == []
    monkeypatch.setattr(history, "DERIVED_BYTES", frames[0].stat().st_size + frames[1].stat().st_size)
    mend(database, store)
    assert [path.exists() for path in [*frames, cell]] == [True, True, False, False, False]


def test_an_image_is_found_by_what_was_asked_for() -> None:
    parameters = {"model": "Birds", "version": 3, "seed": 7, "prompt": "Ein GROẞER Vogel", "attributes": {"Wing_Colour": 1.0}}
    found = words({**parameters, "class_weights": {"wren": 0.5}, "classifier": "abcdef"}, "for Ada")
    for word in ("birds@3", "vogel", "grosser", "wing_colour", "wren", "for ada"):
        assert word in found
    assert "abcdef" not in found


def test_search_takes_signs_for_themselves(database: Database, store: Store, draw: Callable[..., Kept]) -> None:
    record(database, store, [draw(0, prompt="100% red"), draw(1, prompt="100 reds"), draw(2, prompt="a_b"), draw(3, prompt="acb")])

    def found(*sought: str) -> list[int]:
        with database.read() as session:
            return [row.seed for row in session.scalars(queries.history(words=sought))]

    assert (found("100%"), found("a_b"), found("red", "100"), found("blue", "red")) == ([0], [2], [1, 0], [])
