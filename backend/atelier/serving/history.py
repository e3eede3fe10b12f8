"""The history of drawn images: a row for each file, written behind the requests' backs, and brought together again after a crash."""

import asyncio
import json
import logging
import re
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from PIL import Image
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from atelier.registry import queries
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import FINISHED, DrawnImage, Job, now
from atelier.serving.images import BY_GRAPH, image_id, path_of

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0  # after the first image, for others to share its transaction; what a crash loses of rows, but not of files
YOUNG_SECONDS = 120  # in which an image is left alone: its row may be on the way, or its address in the hands of who asked for it
BATCH = 500  # rows of a transaction: other writers wait for it
DERIVED_SECONDS, DERIVED_BYTES = 86_400, 1 << 30  # how long images that are made of two others stay, and what they may take together
OF_TWO = {"between", "mixed"}  # what the parameters of such an image tell
ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Kept:
    """An image that is kept, and what it was drawn from."""

    id: str
    digest: str | None  # of the version's weights
    parameters: dict[str, Any]
    at: datetime = field(default_factory=now)


class History:
    """What was drawn, told to the database a moment later and many at a time: no request waits for a transaction."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database, self._store = database, store
        self._told: dict[str, Kept] = {}
        self._wake, self._writing, self._closing = asyncio.Event(), asyncio.Lock(), False

    async def __aenter__(self) -> "History":
        self._writer = asyncio.create_task(self._run(), name="history")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closing = True
        self._wake.set()
        await self._writer

    def add(self, drawn: Iterable[Kept]) -> None:
        """Tell of images that were drawn, or were asked for again, in this order; their files are there."""
        for one in drawn:
            self._told.pop(one.id, None)
            self._told[one.id] = one
        self._wake.set()

    async def flush(self) -> None:
        """Write what was told: who asks for the history finds what he has drawn before."""
        async with self._writing:
            told, self._told = self._told, {}
            try:
                if told:
                    await asyncio.to_thread(record, self._database, self._store, list(told.values()))
            except Exception:
                log.exception("%d drawn images have no rows yet; the next sweep finds their files.", len(told))

    async def clear(self) -> int:
        """Delete all but favourites, what jobs need, and what is young; how many."""
        await self.flush()
        return await asyncio.to_thread(prune, self._database, self._store, most_images=0, most_bytes=0)

    async def _run(self) -> None:
        while not self._closing:
            await self._wake.wait()
            self._wake.clear()
            if not self._closing:
                await asyncio.sleep(PAUSE_SECONDS)
            await self.flush()


def record(database: Database, store: Store, drawn: Sequence[Kept]) -> None:
    """Give images rows where they have none yet, and move them to the end of the order."""
    for start in range(0, len(drawn), BATCH):
        batch = drawn[start : start + BATCH]
        with database.write() as session:
            there = {row.id: row for row in session.scalars(queries.drawn_images([one.id for one in batch]))}
            turn = session.scalar(select(func.max(DrawnImage.turn))) or 0
            new = []
            for turn, one in enumerate(batch, turn + 1):  # noqa: B020  goes on from there
                if (row := there.get(one.id)) is not None:
                    row.turn, row.drawn_at = turn, one.at
                    row.digest = row.digest or one.digest
                    continue
                with suppress(FileNotFoundError):  # deleted meanwhile, or the disk is full
                    new.append(_columns(one, path_of(store.images, one.id), turn))
            if new:
                session.execute(insert(DrawnImage.metadata.tables["images"]), new)  # without objects: half the time


def _columns(one: Kept, path: Path, turn: int) -> dict[str, Any]:
    with path.open("rb", buffering=0) as file:
        width, height = struct.unpack(">II", file.read(24)[16:])  # where every PNG has them
    parameters = one.parameters
    return {
        "id": one.id,
        "digest": one.digest,
        "model": parameters["model"],
        "version": parameters["version"],
        "seed": parameters["seed"],
        "parameters": parameters,
        "words": words(parameters, None),
        "width": width,
        "height": height,
        "bytes": path.stat().st_size,
        "turn": turn,
        "created_at": one.at,
        "drawn_at": one.at,
    }


def words(parameters: dict[str, Any], note: str | None) -> str:
    """What an image is found by: its model, what was asked for, and what somebody noted."""

    def texts(value: Any) -> Iterator[str]:
        match value:
            case str():
                yield value
            case dict():
                for key, inner in value.items():
                    yield key
                    yield from texts(inner)
            case list():
                for inner in value:
                    yield from texts(inner)

    asked = {name: value for name, value in parameters.items() if "digest" not in name and name != "classifier"}
    found = [text for value in asked.values() for text in texts(value)]
    return "\n".join([f"{parameters['model']}@{parameters['version']}", *found, note or ""]).casefold()


def forget(session: Session, identity: str) -> None:
    """Take an image's row out; must run inside a write transaction, after which the file can go."""
    session.execute(delete(DrawnImage).where(DrawnImage.id == identity))


# ---------------------------------------------------------------------------------------------------------------- sweeping


def prune(database: Database, store: Store, *, most_images: int, most_bytes: int, young_seconds: float = YOUNG_SECONDS) -> int:
    """Delete the images that were not drawn for the longest time until both limits hold; how many.

    Favourites stay, and don't count; what a job that is not finished needs stays as well.
    """
    with database.write() as session:
        jobs = session.scalars(select(Job.spec).where(Job.status.not_in(FINISHED)))
        needed = {identity for spec in jobs for identity in ID.findall(json.dumps(spec))}
        old = now() - timedelta(seconds=young_seconds)
        beyond = [row for row in session.scalars(queries.images_beyond(most_images, most_bytes, old)) if row not in needed]
        for start in range(0, len(beyond), BATCH):
            session.execute(delete(DrawnImage).where(DrawnImage.id.in_(beyond[start : start + BATCH])))
    for identity in beyond:
        path_of(store.images, identity).unlink(missing_ok=True)
    return len(beyond)


def mend(database: Database, store: Store, *, young_seconds: float = YOUNG_SECONDS) -> None:
    """Give files that a crash has left without a row theirs, by the parameters inside of them; delete what is no image, and rows
    whose file has gone. Images that are made of two others get no row; they stay for a day, or as long as there is room for them."""
    with database.read() as session:  # before the files: those come first
        rows = set(session.scalars(select(DrawnImage.id)))
    files, before = {}, time.time() - young_seconds
    for path in store.images.glob("*/*"):
        with suppress(FileNotFoundError):
            files[path] = path.stat().st_mtime
    there = {path.stem for path in files if path.suffix == ".png"}
    adopted, derived = [], []
    for path, modified in files.items():
        if (path.suffix == ".png" and path.stem in rows) or modified >= before:
            continue
        told = _told(path)
        if told is not None and "seed" in told:
            adopted.append(_inside(database, path, told, datetime.fromtimestamp(modified, UTC)))
        elif told is not None and told.keys() & OF_TWO:
            derived.append((modified, path))
        else:
            path.unlink(missing_ok=True)
    room = DERIVED_BYTES
    for modified, path in sorted(derived, reverse=True):
        with suppress(FileNotFoundError):
            room -= path.stat().st_size
            if room < 0 or modified < time.time() - DERIVED_SECONDS:
                path.unlink()
    record(database, store, sorted(adopted, key=lambda drawn: drawn.at))
    with database.write() as session:
        for identity in rows - there:
            if not path_of(store.images, identity).exists():
                forget(session, identity)


def _told(path: Path) -> dict[str, Any] | None:
    """What a file tells of itself; None where it is no image of ours."""
    if path != path_of(path.parents[1], path.stem) or not ID.fullmatch(path.stem):
        return None
    try:
        with Image.open(path, formats=("PNG",)) as image:
            told = json.loads(image.info["parameters"])
        seed = {"seed": int(told["seed"])} if "seed" in told else {}
        return {**told, "model": str(told["model"]), "version": int(told["version"]), **seed}
    except (OSError, KeyError, TypeError, ValueError, Image.DecompressionBombError, SyntaxError):
        return None


def _inside(database: Database, path: Path, parameters: dict[str, Any], at: datetime) -> Kept:
    """The image of a file that tells of itself."""
    with database.read() as session:
        version = session.scalar(queries.version(parameters["model"], parameters["version"]))
    identity = {name: value for name, value in parameters.items() if name not in ("model", "version")}
    ours = version is not None and path.stem in (image_id(version.digest, {**identity, **runtime}) for runtime in ({}, BY_GRAPH))
    return Kept(path.stem, version.digest if version is not None and ours else None, parameters, at)
