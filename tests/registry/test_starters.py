"""Starter versions are there as soon as a store is opened, and only they."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from atelier.registry import queries
from atelier.registry.database import Database, migrate
from atelier.registry.starters import adopt
from atelier.registry.store import Store
from atelier.registry.tables import Version


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    migrate(database_url)
    database = Database(database_url)
    yield database
    database.dispose()


def lay(store: Store, model: str, number: int = 1, **manifest: object) -> None:
    folder = store.version(model, number)
    folder.mkdir(parents=True)
    (folder / "generator.safetensors").write_text(model)
    (folder / "manifest.json").write_text(json.dumps({"architecture": "dcgan", "dataset": {"name": "emoji"}} | manifest))


def test_a_starter_gets_its_row_once(database: Database, tmp_path: Path) -> None:
    store = Store(tmp_path)
    lay(store, "emoji-dcgan", starter=True)
    for expected in (["emoji-dcgan"], []):
        with database.write() as session:
            assert [version.model.name for version in adopt(session, store)] == expected
    with database.read() as session:
        version = session.scalars(queries.version("emoji-dcgan")).one()
        assert (version.number, version.job_id, version.architecture, version.dataset) == (1, None, "dcgan", "emoji")
        assert len(version.digest) == 64


def test_what_a_crash_left_of_a_publication_stays_unseen(database: Database, tmp_path: Path) -> None:
    store = Store(tmp_path)
    lay(store, "cats")
    with database.write() as session:
        assert adopt(session, store) == []
        assert session.scalar(select(func.count()).select_from(Version)) == 0
