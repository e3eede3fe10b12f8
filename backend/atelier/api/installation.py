"""How this installation is set up: what the operator chose, what optional parts are there, and what takes which room on the disk."""

import functools
import importlib.util
import json
import os
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict
from sqlalchemy import make_url

from atelier.api.deps import ReadDep, ServicesDep
from atelier.api.pages import Page
from atelier.api.versions import size_of
from atelier.featurefiles import NETWORKS, missing
from atelier.registry import queries
from atelier.registry.store import Store
from atelier.settings import Settings

router = APIRouter(tags=["system"])

Area = Literal["versions", "bin", "jobs", "datasets", "images", "pictures", "logs", "features", "database", "other"]
USAGE_SECONDS = 30  # that a count of the disk is good for

# What brings parts that not everybody needs: the package that shows whether it is there, and what it is for.
EXTRAS = {
    "onnx": ("onnxruntime", "Draws several times as fast on a CPU, and exports generators as ONNX graphs."),
    "text": ("transformers", "Sentence models that others have trained, as encoders of prompts."),
    "video": ("av", "Walks between images as MP4 films."),
    "postgres": ("psycopg", "A PostgreSQL database in place of the SQLite file."),
}
AREAS: dict[str, Area] = {
    "versions": "versions",
    "compiled": "versions",
    "directions": "versions",
    "classifiers": "versions",
    "jobs": "jobs",
    "projections": "jobs",
    "datasets": "datasets",
    "sources": "datasets",
    "statistics": "datasets",
    "uploads": "datasets",
    "images": "images",
    "films": "images",
    "pictures": "pictures",
    "logs": "logs",
    "features": "features",
    "trash": "bin",
}


class SettingOut(BaseModel):
    """Something that the operator may set."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    variable: str
    """The environment variable that sets it, also as a line of a file `.env`."""
    description: str
    value: str | None
    """As it is in force, without passwords; null where nothing is set."""
    default: str | None
    changed: bool
    """Whether it differs from the default."""


class PartOut(BaseModel):
    """An optional part."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    kind: Literal["feature network", "extra"]
    title: str
    purpose: str
    here: bool
    download_bytes: int | None
    """What fetching it downloads; null where that is not known."""
    command: str | None
    """What fetches or installs it; null where it comes with Atelier."""


class AreaOut(BaseModel):
    """What a part of the store takes."""

    area: Area
    bytes: int
    files: int


class StorageOut(BaseModel):
    """The store and the disk that it lies on."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    folder: str
    areas: list[AreaOut]
    """Of the store; what lies in the bin is counted there alone."""
    bytes: int
    """Of all areas, as they were at most half a minute ago."""


@router.get("/settings", operation_id="list_settings")
def list_settings(services: ServicesDep) -> Page[SettingOut]:
    """What the operator may set, and what is set. Nothing of it can be changed over HTTP."""
    fields = Settings.model_fields
    items = [
        SettingOut(
            name=name,
            variable=f"ATELIER_{name.upper()}",
            description=field.description or "",
            value=_told(getattr(services.settings, name)),
            default=_told(field.default),
            changed=getattr(services.settings, name) != field.default,
        )
        for name, field in fields.items()
    ]
    return Page(items=items, next_cursor=None)


def _told(value: Any) -> str | None:
    match value:
        case None | ():
            return None
        case tuple():
            return json.dumps([str(item) for item in value])
        case str() if "://" in value:  # the database's; a query may hold passwords as well
            return make_url(value).set(query={}).render_as_string(hide_password=True)
        case _:
            return str(value)


@router.get("/parts", operation_id="list_parts")
def list_parts(services: ServicesDep) -> Page[PartOut]:
    """Optional parts: which are here, and how the others come."""
    folder = services.store.features
    lite = PartOut(
        name="lite0", kind="feature network", title="EfficientNet-Lite0", purpose="style transfer, metrics",
        here=True, download_bytes=None, command=None,
    )  # fmt: skip
    networks = [
        PartOut(
            name=name, kind="feature network", title=network.title, purpose=network.use, here=missing(name, folder) is None,
            download_bytes=sum(file.size for file in network.files), command=f"atelier features fetch {name}",
        )
        for name, network in NETWORKS.items()
    ]  # fmt: skip
    extras = [
        PartOut(
            name=name, kind="extra", title=f"atelier[{name}]", purpose=purpose, here=importlib.util.find_spec(package) is not None,
            download_bytes=None, command=f'pip install "atelier[{name}]"',
        )
        for name, (package, purpose) in EXTRAS.items()
    ]  # fmt: skip
    return Page(items=[lite, *networks, *extras], next_cursor=None)


async def _binned(session: ReadDep, services: ServicesDep) -> list[Path]:
    """The folders of what lies in the bin."""
    return [services.store.version(version.model.name, version.number) for version in await session.scalars(queries.binned())]


@router.get("/storage", operation_id="get_storage")
async def get_storage(services: ServicesDep, binned: Annotated[list[Path], Depends(_binned, scope="function")]) -> StorageOut:
    """What takes which room on the disk."""
    return await run_in_threadpool(_storage, services.store, binned)


def _storage(store: Store, binned: list[Path]) -> StorageOut:
    usage = _usage(store.root, int(time.monotonic() // USAGE_SECONDS))
    sizes = {area: list(usage.get(area, (0, 0))) for area in (*dict.fromkeys(AREAS.values()), "database", "other")}
    for folder in binned:
        moved = size_of(folder), len(list(folder.iterdir())) if folder.is_dir() else 0
        for index, amount in enumerate(moved):
            sizes["versions"][index] -= amount
            sizes["bin"][index] += amount
    areas = [AreaOut(area=area, bytes=max(0, taken), files=max(0, files)) for area, (taken, files) in sizes.items()]
    return StorageOut(folder=str(store.root), areas=areas, bytes=sum(area.bytes for area in areas))


@functools.lru_cache(maxsize=2)
def _usage(root: Path, moment: int) -> dict[str, tuple[int, int]]:
    """(bytes, files) by area; `moment` makes a count grow old."""
    usage: dict[str, tuple[int, int]] = {}

    def count(area: str, size: int) -> None:
        taken, files = usage.get(area, (0, 0))
        usage[area] = taken + size, files + 1

    for folder, _, files in os.walk(root):
        first = Path(folder).relative_to(root).parts[:1]
        for name in files:
            area = AREAS.get(first[0], "other") if first else "database" if name.startswith("atelier.db") else "other"
            try:
                count(area, (Path(folder) / name).lstat().st_size)
            except FileNotFoundError:  # gone meanwhile
                continue
    return usage
