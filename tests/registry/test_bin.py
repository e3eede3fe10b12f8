"""What is deleted can be restored whole until it is purged, and what is purged is gone for good, whatever crashes in between."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from atelier.errors import Conflict
from atelier.registry import aliases, bin, queries
from atelier.registry.database import Database, migrate
from atelier.registry.starters import adopt
from atelier.registry.store import Store
from atelier.registry.tables import Alias, Job, Model, Score, Version

MANIFEST: dict[str, Any] = {"architecture": "dcgan", "dataset": {"name": "shapes"}}


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    migrate(database_url)
    database = Database(database_url)
    with database.write() as session:
        session.add(Job(kind="train", status="succeeded", spec={}))
    yield database
    database.dispose()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def publish(database: Database, store: Store, model: str, weights: str = "weights") -> Version:
    with store.staging(1) as folder:
        (folder / "generator.safetensors").write_text(weights)
        (folder / "manifest.json").write_text("{}")
        with database.write() as session:
            version = store.publish(session, folder, session.get_one(Job, 1), model, MANIFEST)
            words = dict.fromkeys(("subject", "metric", "title", "network", "network_digest", "resize", "comparable"), "")
            objects: dict[str, Any] = {name: {} for name in ("conventions", "details", "code")}
            session.add(Score(version_id=version.id, better="lower", value=1.0, num_generated=10, seed=0, **words, **objects))
    return version


def discard(database: Database, model: str, number: int) -> None:
    with database.write() as session:
        bin.discard(session, session.scalars(queries.version(model, number)).all())


def numbers(database: Database, model: str) -> list[int]:
    with database.read() as session:
        return [version.number for version in session.scalars(queries.versions(model))]


def test_what_is_deleted_is_gone_until_it_is_restored_with_everything(database: Database, store: Store) -> None:
    for _ in range(2):
        publish(database, store, "cats")
    with database.write() as session:
        aliases.give(session, session.scalars(queries.version("cats", 2)).one(), "production")
    discard(database, "cats", 2)
    with database.read() as session:
        assert [session.scalar(queries.version("cats", name)) for name in (2, "production")] == [None, None]
        assert session.scalars(queries.version("cats")).one().number == 1
        assert [(count, latest.number) for _, count, latest in session.execute(queries.models())] == [(1, 1)]
        assert [version.name for version in session.scalars(queries.binned())] == ["cats@2"]
        assert session.scalars(queries.versions_named([("cats", 2)])).all() == []
        assert [score.version_id for score in session.scalars(queries.scores())] == [1]
    with database.write() as session:
        bin.restore(session.scalars(queries.binned("cats")))
    with database.read() as session:
        assert session.scalars(queries.version("cats", "production")).one().number == 2
        assert [score.version_id for score in session.scalars(queries.scores())] == [2, 1]


def test_an_alias_is_taken_over_from_a_version_in_the_bin(database: Database, store: Store) -> None:
    for number in (1, 2):
        publish(database, store, "cats")
        with database.write() as session:
            aliases.give(session, session.scalars(queries.version("cats", number)).one(), "production")
            bin.discard(session, session.scalars(queries.version("cats", 1)).all())
    with database.write() as session:
        bin.restore(session.scalars(queries.binned("cats")))
    with database.read() as session:
        assert [alias.version.number for alias in session.scalars(queries.current_aliases())] == [2]


def test_a_model_without_versions_is_not_listed_and_comes_back_with_those_it_had(database: Database, store: Store) -> None:
    for _ in range(3):
        publish(database, store, "cats")
    discard(database, "cats", 1)
    with database.write() as session:
        bin.discard(session, session.scalars(queries.versions("cats")).all())
        assert session.execute(queries.models()).all() == []
    with database.write() as session:
        bin.restore(bin.last_deleted(session, "cats"))
        assert bin.last_deleted(session, "nothing") == []
    assert numbers(database, "cats") == [3, 2]


def test_a_purge_removes_all_files_and_a_number_is_not_given_again(database: Database, store: Store) -> None:
    version = publish(database, store, "cats")
    kept = publish(database, store, "dogs", "others")
    for digest in (version.digest, kept.digest):
        store.graph(digest).parent.mkdir(exist_ok=True)
        store.graph(digest).touch()
        store.directions(digest).mkdir(parents=True)
    with database.write() as session:
        aliases.give(session, session.get_one(Version, version.id), "production")
    discard(database, "cats", 1)
    with database.write() as session:
        assert bin.purge(session, older_than=timedelta(days=1)) == []
        assert [version.name for version in bin.purge(session)] == ["cats@1"]
    # A crash here leaves the files, and nobody finds them any more.
    assert publish(database, store, "cats", "new").number == 2
    for _ in range(2):
        with database.read() as session:
            bin.sweep(session, store)
            assert session.scalars(queries.binned()).all() == []
            assert session.scalar(select(Alias.until)) is not None
            assert session.scalar(select(Score.id).where(Score.version_id == version.id)) is None
    assert not store.version("cats", 1).exists()
    assert [path.name for path in store.graph("").parent.iterdir()] == [f"{kept.digest}.onnx"]
    assert [path.name for path in store.directions("x").parent.iterdir()] == [kept.digest]
    assert list(store.trash.iterdir()) == []
    assert store.version("dogs", 1).is_dir()
    discard(database, "cats", 2)
    with database.write() as session:
        bin.purge(session)
    assert publish(database, store, "cats").number == 3


def test_a_purge_forgets_what_was_noted(database: Database, store: Store) -> None:
    for model in ("cats", "dogs", "dogs"):
        publish(database, store, model)
    with database.write() as session:
        for row in (*session.scalars(select(Version)), *session.scalars(select(Model))):
            row.note = "private"
    discard(database, "cats", 1)
    discard(database, "dogs", 1)
    with database.write() as session:
        bin.purge(session)
    with database.read() as session:
        versions = session.execute(select(Version.note, Version.manifest).order_by(Version.id)).all()
        assert [tuple(row) for row in versions] == [(None, {}), (None, {}), ("private", MANIFEST)]
        assert session.scalars(select(Model.note).order_by(Model.id)).all() == [None, "private"]  # dogs has another version


def test_what_is_being_brought_is_left_alone_for_a_day(database: Database, store: Store) -> None:
    for name, hours in (("young.version", 23), ("old.version", 25)):
        (store.uploads / name).mkdir()
        os.utime(store.uploads / name, (0, time.time() - hours * 3600))
    with database.read() as session:
        bin.sweep(session, store)
    assert [path.name for path in store.uploads.iterdir()] == ["young.version"]


def test_what_two_versions_share_stays_for_the_other(database: Database, store: Store) -> None:
    twin = [publish(database, store, name) for name in ("cats", "dogs")]
    assert twin[0].digest == twin[1].digest
    store.directions(twin[0].digest).mkdir(parents=True)
    discard(database, "cats", 1)
    with database.write() as session:
        bin.purge(session)
        bin.sweep(session, store)
    assert store.directions(twin[0].digest).is_dir()


def test_a_purged_starter_does_not_come_back(database: Database, store: Store) -> None:
    folder = store.version("digits", 1)
    folder.mkdir(parents=True)
    manifest = '{"starter": true, "architecture": "dcgan", "dataset": {"name": "digits"}}'
    (folder / "manifest.json").write_text(manifest)
    with database.write() as session:
        adopt(session, store)
    discard(database, "digits", 1)
    for purged in (False, True):
        with database.write() as session:
            if purged:
                bin.purge(session)
                bin.sweep(session, store)
                folder.mkdir(parents=True)  # an update of the sources brings it again
                (folder / "manifest.json").write_text(manifest)
            assert adopt(session, store) == []
        assert numbers(database, "digits") == []


@pytest.mark.parametrize(
    ("job", "refusal"),
    [
        (Job(kind="train", status="running", spec={"start_from": "cats@1"}, model="dogs"), r"job 2 \(running\) starts from it"),
        (Job(kind="evaluate", status="queued", spec={"version": 1}, model="cats"), r"job 2 \(queued\) evaluates it"),
        (Job(kind="project", status="paused", spec={"version": 1}, model="cats"), "looks for a picture in it"),
        (Job(kind="discover", status="starting", spec={"version": 1}, model="cats"), "explores it"),
        (Job(kind="evaluate", status="succeeded", spec={"version": 1}, model="cats"), None),
        (Job(kind="evaluate", status="running", spec={"version": 2}, model="cats"), None),
        (Job(kind="train", status="running", spec={"start_from": None}, model="cats"), None),
    ],
)
def test_what_a_job_needs_cannot_be_deleted(database: Database, store: Store, job: Job, refusal: str | None) -> None:
    publish(database, store, "cats")
    with database.write() as session:
        columns = {name: getattr(job, name) for name in ("kind", "status", "spec", "model")}
        session.add(Job(**columns))  # rows are of one session
    if refusal is None:
        return discard(database, "cats", 1)
    with pytest.raises(Conflict, match=f"cats@1 is in use: .*{refusal}"):
        discard(database, "cats", 1)
    assert numbers(database, "cats") == [1]
    return None
