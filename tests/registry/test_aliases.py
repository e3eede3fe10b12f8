"""An alias belongs to one version at a time, and who had it is remembered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from atelier.registry import aliases, queries
from atelier.registry.database import Database, migrate
from atelier.registry.naming import check_alias, parse
from atelier.registry.tables import Model, Version


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    migrate(database_url)
    database = Database(database_url)
    with database.write() as session:
        for name in ("cats", "dogs"):
            model = Model(name=name)
            for number in (1, 2):
                session.add(Version(model=model, number=number, architecture="dcgan", dataset="shapes", manifest={}, digest="0" * 64))
    yield database
    database.dispose()


def give(database: Database, model: str, number: int, alias: str) -> None:
    with database.write() as session:
        aliases.give(session, session.scalars(queries.version(model, number)).one(), alias)


def history(database: Database, model: str) -> list[tuple[str, int, bool]]:
    with database.read() as session:
        return [(alias.name, alias.version.number, alias.until is None) for alias in session.scalars(queries.aliases(model))]


def test_moves_are_kept(database: Database) -> None:
    for number in (1, 1, 2, 1):
        give(database, "cats", number, "production")
    give(database, "cats", 1, "old")
    assert history(database, "cats") == [
        ("old", 1, True),
        ("production", 1, True),
        ("production", 2, False),
        ("production", 1, False),
    ]
    with database.read() as session:
        terms = session.scalars(queries.aliases("cats")).all()
        assert terms[2].until == terms[1].since
        assert session.scalars(queries.version("cats", "production")).one().number == 1
        assert [alias.name for alias in session.scalars(queries.current_aliases())] == ["old", "production"]


def test_models_do_not_share_aliases(database: Database) -> None:
    give(database, "cats", 1, "production")
    give(database, "dogs", 2, "production")
    with database.read() as session:
        assert [session.scalars(queries.version(model, "production")).one().number for model in ("cats", "dogs")] == [1, 2]


def test_what_is_taken_belongs_to_nobody(database: Database) -> None:
    give(database, "cats", 1, "production")
    for _ in range(2):
        with database.write() as session:
            aliases.take(session, "cats", "production")
    assert history(database, "cats") == [("production", 1, False)]
    with database.read() as session:
        assert session.scalar(queries.version("cats", "production")) is None


@pytest.mark.parametrize("name", ["latest", "v3", "3", "3rd", "Production", "", "a" * 33, "a b", "@", "-x"])
def test_an_alias_that_looks_like_something_else_is_none(name: str) -> None:
    with pytest.raises(ValueError, match=r"use up to|reads like"):
        check_alias(name)


@pytest.mark.parametrize("name", ["production", "v3-final", "a", "best.2026_11"])
def test_other_names_are_aliases(name: str) -> None:
    check_alias(name)


def test_versions_are_named_in_three_ways() -> None:
    assert [parse(name) for name in ("cats@3", "cats@³", "cats@best", "cats", "cats@latest")] == [
        ("cats", 3),
        ("cats", "³"),
        ("cats", "best"),
        ("cats", "latest"),
        ("cats", "latest"),
    ]
