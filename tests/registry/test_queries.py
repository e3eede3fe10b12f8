"""What queries select."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from atelier.registry import queries
from atelier.registry.database import Database, migrate
from atelier.registry.tables import DrawnImage, Score, now


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    migrate(database_url)
    database = Database(database_url)
    yield database
    database.dispose()


def a_score(step: int | None) -> Score:
    words = dict.fromkeys(("subject", "metric", "title", "network", "network_digest", "resize", "comparable"), "")
    objects: dict[str, object] = {name: {} for name in ("conventions", "details", "code")}
    return Score(step=step, better="lower", value=1.0, num_generated=10, seed=0, **words, **objects)


def test_scores_on_the_way_apart_from_those_of_what_is_done(database: Database) -> None:
    with database.write() as session:
        session.add_all([a_score(None), a_score(10), a_score(20)])
    with database.read() as session:
        steps = {way: [score.step for score in session.scalars(queries.scores(on_the_way=way))] for way in (True, False, None)}
    assert steps == {True: [20, 10], False: [None], None: [20, 10, None]}


def an_image(turn: int) -> DrawnImage:
    about = {"model": "cats", "version": 1, "seed": turn, "parameters": {}, "words": "", "width": 16, "height": 16}
    return DrawnImage(id=str(turn), turn=turn, bytes=2_000_000_000, **about)


def test_images_beyond_more_bytes_than_a_column_counts(database: Database) -> None:
    with database.write() as session:
        session.add_all([an_image(turn) for turn in range(4)])
    soon = now() + timedelta(days=1)
    with database.read() as session:
        assert session.scalars(queries.images_beyond(10, 8_000_000_000, soon)).all() == []
        assert session.scalars(queries.images_beyond(10, 6_500_000_000, soon)).all() == ["0"]
        assert session.scalars(queries.images_beyond(2, 8_000_000_000, soon)).all() == ["1", "0"]
        assert session.scalars(queries.images_beyond(0, 0, now() - timedelta(days=1))).all() == []
