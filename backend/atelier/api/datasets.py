"""Data sets: what there is, what their pictures look like, what was found in them; adding and removing."""

import functools
import hashlib
import random
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, BackgroundTasks, Depends, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError

from atelier.api.deps import MAX_ID, PngDep, Services, ServicesDep, WriteDep
from atelier.api.forms import FILE, receive
from atelier.api.jobs import ACCEPTED, IdempotencyKey, JobOut
from atelier.api.pages import Cursor, Limit, Page
from atelier.api.pages import decode as decode_cursor
from atelier.api.pages import encode as encode_cursor
from atelier.api.problems import problems
from atelier.datasets import archive
from atelier.datasets.base import SPLITS, Dataset, Split, splits_of
from atelier.datasets.brought import AttributeMean, Brought, Captions, Duplicates, Report
from atelier.datasets.catalog import Catalog
from atelier.datasets.downloads import downloads
from atelier.datasets.layouts import layouts
from atelier.errors import Conflict, Invalid, NotFound
from atelier.jobs import queue
from atelier.jobs.sources import delete_folders, remove_dataset
from atelier.jobs.specs import PrepareRequest
from atelier.serving.images import encode, grid

router = APIRouter(prefix="/datasets", tags=["data sets"])
sources = APIRouter(prefix="/dataset-sources", tags=["data sets"])

FIRST_SKIPPED = 20  # in a report
NO_LIMIT = 2**63 - 1  # of the body: its file is counted as it comes, and what is allowed is a setting

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


class LayoutOut(BaseModel):
    """A way in which pictures, and what is known of them, may lie in a folder."""

    name: str
    title: str
    summary: str


class DownloadOut(BaseModel):
    """A published set that can be fetched where there is a network."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    title: str
    licence: str
    layout: str
    bytes: int
    """To fetch, about."""
    images: int


class SourcesOut(BaseModel):
    """Where data sets can come from."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    layouts: list[LayoutOut]
    downloads: list[DownloadOut]
    roots: list[str]
    """Folders of the server below which a data set may lie (ATELIER_DATA_ROOTS)."""
    max_upload_bytes: int


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
    seed: Annotated[int, Query(ge=0, le=MAX_ID, description="Decides which pictures.")] = 0,
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


# ------------------------------------------------------------------------------------------------------ adding, removing

FIELDS = ("name", "title", "layout", "resolution", "mirrorable", "folder", "download")


def _form() -> dict[str, Any]:
    """The form's description: the request's, and a file in place of its name."""
    fields = PrepareRequest.model_json_schema()["properties"]
    simple = {name: {**fields[name], **next(iter(fields[name].get("anyOf", [{}])))} for name in FIELDS}
    for field in simple.values():
        for key in ("anyOf", "default", "title"):
            field.pop(key, None)
    simple["folder"]["description"] = "A folder of the server, below one of ATELIER_DATA_ROOTS; it is read where it lies, and stays there."
    file = {"type": "string", "contentMediaType": "application/zip", "description": "A zip file, streamed to the disk; send it last."}
    return {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "description": "One of `file`, `folder` and `download`; a download may go without a name.",
                    "properties": {**simple, FILE: file},
                },
                "examples": {
                    "file": {"summary": "A zip file", "value": {"name": "birds", "resolution": 64, "file": "birds.zip"}},
                    "folder": {"summary": "A folder of the server", "value": {"name": "birds", "folder": "/data/CUB_200_2011"}},
                    "download": {"summary": "A published set", "value": {"download": "cifar10"}},
                },
            }
        },
    }


@router.post(
    "",
    operation_id="add_dataset",
    status_code=202,
    response_model=JobOut,
    max_body_size=NO_LIMIT,
    openapi_extra={"requestBody": _form()},
    responses={**ACCEPTED, **problems(400, 409, 422, 507)},
)
async def add_dataset(
    request: Request, services: ServicesDep, response: Response, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Make a data set of pictures in a zip file, in a folder of the server, or of a published set; a job of its own does it."""

    async def before_file(fields: dict[str, str]) -> None:
        if idempotency_key is None and fields.get("name"):
            async with services.database.read() as session:
                await session.run_sync(queue.check_dataset_name, fields["name"], services.catalog)

    upload_bytes = services.settings.max_upload_bytes
    async with receive(request, services.store.uploads, FIELDS, max_bytes=upload_bytes, before_file=before_file) as form:
        wanted = _request(services, {name: value for name, value in form.fields.items() if value}, form.file_name)
        upload = form.path.with_suffix(".zip")
        if form.file_name is not None:
            try:
                await run_in_threadpool(archive.check, form.path, archive.Limits())
            except ValueError as error:
                raise Invalid.at("/file", str(error).replace(form.path.name, form.file_name)) from error
            wanted = wanted.model_copy(update={"upload": upload.name})
            form.path.rename(upload)
        job = None
        try:
            async with services.database.write() as session:
                job = await session.run_sync(
                    queue.submit_preparation, wanted, services.catalog, idempotency_key=idempotency_key, content=form.digest
                )
                snapshot = job.snapshot()
        finally:
            if job is None or job.spec["upload"] != upload.name:  # refused, or known already
                upload.unlink(missing_ok=True)
    services.supervisor.poke()
    response.headers["Location"] = f"/api/v1/preparations/{job.id}"
    return snapshot


def _request(services: Services, fields: dict[str, str], file_name: str | None) -> PrepareRequest:
    """
    Raises:
        Invalid: a field is wrong, or there is not one source.
    """
    given = [name for name in (FILE, "folder", "download") if (file_name is not None if name == FILE else name in fields)]
    if len(given) != 1:
        raise Invalid.at(f"/{FILE}", f"send one of file, folder and download{', not ' + ' and '.join(given) if given else ''}")
    if "name" not in fields and "download" in fields:
        fields["name"] = fields["download"]
    try:
        request = PrepareRequest.model_validate({**fields, "file_name": file_name})
    except ValidationError as error:
        raise Invalid.of(error) from error
    if request.folder is None:
        return request

    roots = [root.resolve() for root in services.settings.data_roots]
    try:
        folder = FilePath(request.folder).resolve()
    except (ValueError, OSError, RuntimeError):  # a zero byte, a name too long, links in a circle
        folder = FilePath("/")
    if not FilePath(request.folder).is_absolute() or not any(folder.is_relative_to(root) for root in roots):
        detail = "it must lie below one of the folders of ATELIER_DATA_ROOTS" if roots else "this server takes none: set ATELIER_DATA_ROOTS"
        raise Invalid.at("/folder", detail)
    if not folder.is_dir():
        raise Invalid.at("/folder", "there is no such folder")
    return request.model_copy(update={"folder": str(folder), "within": tuple(map(str, roots))})


@router.delete("/{name}", operation_id="remove_dataset", status_code=204, responses=problems(403, 404, 409))
async def delete_dataset(
    name: Annotated[str, Path(description="Name of the data set.")], session: WriteDep, services: ServicesDep, background: BackgroundTasks
) -> None:
    """Remove a data set that was added, with all that was prepared from it; pictures in a folder of the server stay there.

    Versions that were trained on it keep working.
    """
    folders = await session.run_sync(remove_dataset, services.store, name)
    background.add_task(delete_folders, folders)


@sources.get("", operation_id="list_dataset_sources")
def list_dataset_sources(services: ServicesDep) -> SourcesOut:
    """What a data set can be made of."""
    return SourcesOut(
        layouts=[LayoutOut(name=name, title=layout.title, summary=layout.summary()) for name, layout in layouts.items()],
        downloads=[
            DownloadOut(name=name, title=one.title, licence=one.licence, layout=one.layout, bytes=one.bytes, images=one.images)
            for name, one in downloads.items()
        ],
        roots=[str(root) for root in services.settings.data_roots],
        max_upload_bytes=services.settings.max_upload_bytes,
    )
