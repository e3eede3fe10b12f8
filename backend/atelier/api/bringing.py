"""Bringing data sets and removing them: the form with its zip file, and what a set can be made of."""

from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, ValidationError

from atelier.api.deps import Services, ServicesDep, WriteDep
from atelier.api.forms import FILE, receive, request_body
from atelier.api.jobs import ACCEPTED, IdempotencyKey, JobOut
from atelier.api.problems import problems
from atelier.datasets import archive
from atelier.datasets.downloads import downloads
from atelier.datasets.layouts import layouts
from atelier.errors import Invalid
from atelier.jobs import queue
from atelier.jobs.sources import delete_folders, remove_dataset
from atelier.jobs.specs import PrepareRequest

router = APIRouter(prefix="/datasets", tags=["data sets"])
sources = APIRouter(prefix="/dataset-sources", tags=["data sets"])

NO_LIMIT = 2**63 - 1  # of the body: its file is counted as it comes, and what is allowed is a setting


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
    return request_body(
        {"description": "One of `file`, `folder` and `download`; a download may go without a name.", "properties": {**simple, FILE: file}},
        {
            "file": {"summary": "A zip file", "value": {"name": "birds", "resolution": 64, "file": "birds.zip"}},
            "folder": {"summary": "A folder of the server", "value": {"name": "birds", "folder": "/data/CUB_200_2011"}},
            "download": {"summary": "A published set", "value": {"download": "cifar10"}},
        },
    )


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
