"""Data sets: what there is, what their pictures look like, what was found in them."""

import functools
import hashlib
import random
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Depends, Header, Path, Query, Response
from PIL import Image
from pydantic import BaseModel, ConfigDict

from atelier.api.deps import MAX_ID, PngDep, ServicesDep
from atelier.api.pages import Cursor, Limit, Page
from atelier.api.pages import decode as decode_cursor
from atelier.api.pages import encode as encode_cursor
from atelier.api.problems import problems
from atelier.datasets.base import SPLITS, Dataset, Split, splits_of
from atelier.datasets.brought import AttributeMean, Brought, Captions, Duplicates, Report
from atelier.datasets.catalog import Catalog
from atelier.errors import Conflict, NotFound
from atelier.serving.images import encode, grid

router = APIRouter(prefix="/datasets", tags=["data sets"])

FIRST_SKIPPED = 20  # in a report

Resolution = Annotated[int, Query(ge=8, le=512, description="Height and width in pixels.")]

# ---------------------------------------------------------------------------------------------------------------- shapes


class DatasetOut(BaseModel):
    """A data set, with its default options."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    title: str
    summary: str
    licence: str
    options: dict[str, Any]
    """JSON Schema of what can be chosen as `dataset_options`."""
    num_images: int
    class_names: list[str]
    attribute_names: list[str]
    channels: int
    """1 grey, 3 RGB."""
    mirrorable: bool
    """Whether a picture seen in a mirror is as true as itself."""
    builtin: bool
    layout: str | None
    """How the files lay that it was made of; null for built-in ones."""
    num_skipped: int
    """Files that could not be used; `/skipped` lists them."""
    num_duplicates: int
    """Pictures that are the same as an earlier one, or nearly. They stay in the set, in one split."""
    has_captions: bool
    has_boxes: bool
    """Whether the set says where in its pictures the thing is that they show."""
    splits: dict[Split, int]
    """Pictures to train on, to choose by, and to judge by at the end."""
    bytes: int | None
    """Of the pictures' files; null for built-in ones, as `created_at`."""
    created_at: datetime | None


class ClassOut(BaseModel):
    """What a label stands for."""

    index: int
    name: str
    count: int


class SampleOut(BaseModel):
    """One picture of a data set and what is known of it."""

    index: int
    label: int
    class_name: str | None
    caption: str | None
    url: str


class SkippedOut(BaseModel):
    """A file that was left out, and why."""

    path: str
    reason: str


class ReportOut(Report):
    """What was found in the files that a data set was made of."""

    skipped: list[SkippedOut]
    """The first of them; `/skipped` lists all."""


# ---------------------------------------------------------------------------------------------------------------- reading


@functools.lru_cache(maxsize=64)
def _opened(catalog: Catalog, name: str, stamp: tuple[int, int] | None) -> Dataset:
    """Opened once; a set that has come in another one's place has another stamp."""
    return catalog.open(name, {})


def _find(catalog: Catalog, name: str) -> Dataset:
    try:
        return _opened(catalog, name, catalog.stamp(name))
    except ValueError as error:
        raise NotFound(f"There is no data set {name!r}; there are {', '.join(catalog.names())}.") from error


def _known(name: Annotated[str, Path(description="Name of the data set.")], services: ServicesDep) -> Dataset:
    return _find(services.catalog, name)


DatasetDep = Annotated[Dataset, Depends(_known)]


@functools.lru_cache(maxsize=64)
def _splits(dataset: Dataset) -> dict[Split, int]:
    if isinstance(dataset, Brought):
        return dataset.manifest.splits
    return dict(zip(SPLITS, np.bincount(splits_of(dataset.items), minlength=len(SPLITS)).tolist(), strict=True))


def _out(dataset: Dataset) -> DatasetOut:
    manifest = dataset.manifest if isinstance(dataset, Brought) else None
    return DatasetOut(
        name=dataset.name,
        title=dataset.title,
        summary=dataset.summary(),
        licence=dataset.licence,
        options=dataset.Options.model_json_schema(),
        num_images=len(dataset),
        class_names=list(dataset.class_names),
        attribute_names=list(dataset.attribute_names),
        channels=dataset.channels,
        mirrorable=dataset.mirrorable,
        builtin=manifest is None,
        layout=manifest and manifest.layout,
        num_skipped=manifest.num_skipped if manifest else 0,
        num_duplicates=manifest.num_duplicates if manifest else 0,
        has_captions=manifest.has_captions if manifest else bool(dataset.items[0].captions),
        has_boxes=manifest is not None and manifest.has_boxes,
        splits=_splits(dataset),
        bytes=manifest and manifest.bytes,
        created_at=manifest and manifest.created_at,
    )


@functools.lru_cache(maxsize=16)
def _report(dataset: Dataset) -> Report:
    """Of a built-in set, what can be said of it."""
    if isinstance(dataset, Brought):
        return dataset.report()
    items = dataset.items
    means = np.mean([item.attributes for item in items], axis=0).tolist() if dataset.attribute_names else []
    described = [item.captions for item in items if item.captions]
    return Report(
        num_files=len(items),
        num_images=len(items),
        num_skipped=0,
        duplicates=Duplicates(groups=0, images=0, examples=[]),
        sizes=None,
        modes={},
        attributes=[AttributeMean(name=name, mean=mean) for name, mean in zip(dataset.attribute_names, means, strict=True)],
        captions=Captions(
            images=len(described),
            per_image=sum(map(len, described)) / len(described) if described else 0.0,
            examples=[captions[0] for captions in described[:: max(1, len(described) // 5)]][:5],
        ),
        splits=_splits(dataset),
    )


def _draw(dataset: Dataset, indices: Sequence[int], resolution: int) -> list[Image.Image]:
    """
    Raises:
        NotFound: the set was removed just now.
        Conflict: a picture in a folder of the server is not what it was.
    """
    try:
        pictures = [dataset.draw(index, resolution) for index in indices]  # uint8 [H, W, C]
    except FileNotFoundError as error:
        raise NotFound(f"There is no data set {dataset.name!r} any more.") from error
    except ValueError as error:
        raise Conflict(f"{error}.") from error
    return [Image.fromarray(pixels.squeeze(-1) if dataset.channels == 1 else pixels) for pixels in pictures]


@router.get("", operation_id="list_datasets")
def list_datasets(services: ServicesDep) -> Page[DatasetOut]:
    """What there is to train on, built-in sets first."""
    found = []
    for name in services.catalog.names():
        try:
            found.append(_out(_find(services.catalog, name)))
        except NotFound:  # removed just now
            continue
    return Page(items=found, next_cursor=None)


@router.get("/{name}", operation_id="get_dataset", responses=problems(404))
def get_dataset(dataset: DatasetDep) -> DatasetOut:
    """One data set."""
    return _out(dataset)


@router.get("/{name}/classes", operation_id="list_dataset_classes", responses=problems(404))
def list_dataset_classes(dataset: DatasetDep) -> Page[ClassOut]:
    """What its labels stand for, and how many pictures each has."""
    if isinstance(dataset, Brought):
        counts = dataset.manifest.class_counts
    else:
        counts = np.bincount([item.label for item in dataset.items], minlength=len(dataset.class_names)).tolist()
    classes = [ClassOut(index=index, name=name, count=counts[index]) for index, name in enumerate(dataset.class_names)]
    return Page(items=classes, next_cursor=None)


@router.get("/{name}/report", operation_id="get_dataset_report", responses=problems(404))
def get_dataset_report(dataset: DatasetDep) -> ReportOut:
    """What was found in its files: sizes, modes, duplicates, what was skipped."""
    return ReportOut(**_report(dataset).model_dump(), skipped=_skipped(dataset, 0, FIRST_SKIPPED))


@router.get("/{name}/skipped", operation_id="list_skipped_files", responses=problems(400, 404, 422))
def list_skipped_files(dataset: DatasetDep, limit: Limit = 50, cursor: Cursor = None) -> Page[SkippedOut]:
    """Every file that could not be used, and why."""
    order = f"skipped-{dataset.name}"
    first = decode_cursor(order, cursor) or 0
    found = _skipped(dataset, first, limit + 1)
    return Page(items=found[:limit], next_cursor=encode_cursor(order, first + limit) if len(found) > limit else None)


def _skipped(dataset: Dataset, first: int, count: int) -> list[SkippedOut]:
    if not isinstance(dataset, Brought):
        return []
    try:
        return [SkippedOut(path=skipped.path, reason=skipped.reason) for skipped in dataset.skipped(first, count)]
    except FileNotFoundError as error:
        raise NotFound(f"There is no data set {dataset.name!r} any more.") from error


@router.get(
    "/{name}/samples",
    operation_id="sample_dataset",
    response_model=Page[SampleOut],
    responses={200: {"content": {"image/png": {}}}, **problems(404, 409, 422)},
)
def sample_dataset(
    dataset: DatasetDep,
    as_png: PngDep,
    count: Annotated[int, Query(ge=1, le=256, description="How many pictures.")] = 16,
    resolution: Resolution = 64,
    seed: Annotated[int, Query(ge=0, le=2**63 - 1, description="Decides which pictures.")] = 0,
) -> Page[SampleOut] | Response:
    """Some pictures, chosen at random: a grid for `Accept: image/png`, else a list with their URLs."""
    chosen = random.Random(seed).sample(range(len(dataset)), min(count, len(dataset)))
    if as_png:
        sheet = grid(_draw(dataset, chosen, resolution))
        return Response(encode(sheet, {"dataset": dataset.name, "indices": chosen}), media_type="image/png")
    try:
        items = [dataset.items[index] for index in chosen]
    except FileNotFoundError as error:
        raise NotFound(f"There is no data set {dataset.name!r} any more.") from error
    return Page(
        items=[
            SampleOut(
                index=index,
                label=item.label,
                class_name=dataset.class_names[item.label] if dataset.class_names else None,
                caption=item.captions[0] if item.captions else None,
                url=f"/api/v1/datasets/{dataset.name}/images/{index}?resolution={resolution}",
            )
            for index, item in zip(chosen, items, strict=True)
        ],
        next_cursor=None,
    )


@router.get(
    "/{name}/images/{index}",
    operation_id="get_dataset_image",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, 304: {"description": "Not modified."}, **problems(404, 409, 422)},
)
def get_dataset_image(
    dataset: DatasetDep,
    index: Annotated[int, Path(ge=0, le=MAX_ID)],
    resolution: Resolution = 64,
    if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """One picture."""
    if index >= len(dataset):
        raise NotFound(f"{dataset.name} has pictures 0 to {len(dataset) - 1}, none with the number {index}.")
    etag = f'"{hashlib.sha256(f"{dataset.name} {dataset.identity()} {index} {resolution}".encode()).hexdigest()[:32]}"'
    # Another set may come by the name of one that was removed.
    headers = {"ETag": etag, "Cache-Control": "no-cache" if isinstance(dataset, Brought) else "public, max-age=3600"}
    if if_none_match == etag:
        return Response(status_code=304, headers=headers)
    png = encode(_draw(dataset, [index], resolution)[0], {"dataset": dataset.name, "index": index})
    return Response(png, media_type="image/png", headers=headers)
