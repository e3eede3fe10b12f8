"""Versions appear whole, under a number of their own, whatever a crash left behind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from atelier.registry import queries
from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.registry.tables import Job, Version

MANIFEST: dict[str, Any] = {"architecture": "dcgan", "dataset": {"name": "shapes"}}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    migrate(database_url)
    database = Database(database_url)
    with database.write() as session:
        session.add(Job(kind="train", spec={}))
    yield database
    database.dispose()


def publish(database: Database, store: Store, model: str, weights: str = "weights", *, crash: bool = False) -> Version:
    with store.staging(1) as folder:
        (folder / "generator.safetensors").write_text(weights)
        with database.write() as session:
            version = store.publish(session, folder, session.get_one(Job, 1), model, MANIFEST)
            if crash:
                raise KeyboardInterrupt
    return version


def test_numbers_grow_within_a_model(database: Database, tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert [publish(database, store, name).number for name in ("cats", "dogs", "cats")] == [1, 1, 2]
    assert (store.version("cats", 2) / "generator.safetensors").read_text() == "weights"
    assert list(store.job(1).iterdir()) == []  # no staging folder stays
    with database.read() as session:
        assert [(model.name, count, latest.number) for model, count, latest in session.execute(queries.models())] == [
            ("dogs", 1, 1),
            ("cats", 2, 2),
        ]
        assert [version.number for version in session.scalars(queries.versions("cats"))] == [2, 1]
        assert session.scalars(queries.version("cats")).one().number == 2
        assert session.scalars(queries.version("cats", 1)).one().model.name == "cats"
        assert session.scalar(queries.version("cats", 3)) is None


def test_a_crash_before_the_commit_leaves_an_orphan_that_harms_nobody(database: Database, tmp_path: Path) -> None:
    store = Store(tmp_path)
    publish(database, store, "cats")
    with pytest.raises(KeyboardInterrupt):
        publish(database, store, "cats", "orphan", crash=True)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Version)) == 1
    assert publish(database, store, "cats", "whole").number == 3
    assert (store.version("cats", 2) / "generator.safetensors").read_text() == "orphan"
    assert (store.version("cats", 3) / "generator.safetensors").read_text() == "whole"


def test_what_is_not_published_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.staging(1) as folder:
        (folder / "generator.safetensors").touch()
    assert list(store.job(1).iterdir()) == []


def test_the_digest_is_the_contents(database: Database, tmp_path: Path) -> None:
    store = Store(tmp_path)
    same, again, other = (publish(database, store, "cats", weights).digest for weights in ("a", "a", "b"))
    assert same == again != other


def test_logs_never_share_a_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    paths = [store.create_log("dcgan") for _ in range(20)]
    assert len(set(paths)) == 20
    assert all(path.exists() and path.suffix == ".txt" for path in paths)
