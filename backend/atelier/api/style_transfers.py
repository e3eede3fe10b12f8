"""Style transfers: pictures drawn in the manner of others; what every job has is in jobs.py."""

import json
import shutil
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.datastructures import UploadFile

from atelier.api.deps import MAX_ID, ReadDep, ServicesDep, find_job
from atelier.api.jobs import ACCEPTED, IdempotencyKey, JobOut, job_routes
from atelier.api.pages import Page
from atelier.api.pictures import MAX_BYTES, PNG, Size, kept, served
from atelier.api.problems import problems
from atelier.api.training_runs import MaxPoints, MetricsOut, PreviewOut, metrics_of
from atelier.errors import Invalid, NotFound, Unsupported
from atelier.jobs import queue
from atelier.jobs.specs import StylizeRequest
from atelier.registry import queries
from atelier.registry.store import Store
from atelier.styletransfer import methods
from atelier.styletransfer.base import StyleMethod
from atelier.styletransfer.gallery import styles as styles_here

router = APIRouter(prefix="/style-transfers", tags=["style transfer"])
describing = APIRouter(prefix="/style-methods", tags=["style transfer"])

FILES = ("content", "style", "mask")
MOST_FILES = 17  # the content, and eight styles with their masks
MAX_OPTIONS = 64 << 10  # bytes

# -------------------------------------------------------------------------------------------------------------- methods


class StyleMethodOut(BaseModel):
    """A way to transfer a style."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    title: str
    summary: str
    paper: str
    """URL of the publication."""
    hyperparameters: dict[str, Any]
    """JSON Schema: type, bounds, default and a sentence for each."""


def _out(cls: type[StyleMethod]) -> StyleMethodOut:
    return StyleMethodOut(
        name=cls.name, title=cls.title, summary=cls.summary(), paper=cls.paper, hyperparameters=cls.Hyperparameters.model_json_schema()
    )


@describing.get("", operation_id="list_style_methods")
def list_style_methods() -> Page[StyleMethodOut]:
    """How styles can be transferred; the first is the default."""
    ordered = sorted(methods.values(), key=lambda cls: cls.name != StylizeRequest.model_fields["method"].default)
    return Page(items=[_out(cls) for cls in ordered], next_cursor=None)


# ----------------------------------------------------------------------------------------------------------------- start


def _body() -> dict[str, Any]:
    """Both ways to ask: with files, or with ids of what is here already."""
    request = StylizeRequest.model_json_schema(ref_template="#/components/schemas/{model}")
    styles = request.pop("$defs")["StyleIn"]
    request["properties"]["styles"]["items"] = styles
    file = {"type": "string", "contentMediaType": "image/*"}
    form = {
        "type": "object",
        "properties": {
            "content": {**file, "description": "What is shown."},
            "style": {"type": "array", "items": file, "description": "How: for the styles in `options` without a picture, in order."},
            "mask": {
                "type": "array",
                "items": file,
                "description": "White where the style is wanted: for the styles without one, in order.",
            },
            "options": {"type": "string", "contentMediaType": "application/json", "description": "All else, as the JSON body has it."},
        },
    }
    known = {"content": "0123456789abcdef0123456789abcdef", "styles": [{"picture": next(iter(styles_here))}]}
    example = {"summary": "A picture that was sent, and a built-in style", "value": known}
    sent = {"content": "cat.jpg", "style": ["waves.jpg"], "options": '{"hyperparameters": {"size": 512}}'}
    files = {"summary": "Two pictures' files", "value": sent}
    return {
        "required": True,
        "content": {
            "application/json": {"schema": request, "examples": {"known": example}},
            "multipart/form-data": {"schema": form, "examples": {"files": files}},
        },
    }


@router.post(
    "",
    operation_id="start_style_transfer",
    status_code=202,
    response_model=JobOut,
    max_body_size=MOST_FILES * MAX_BYTES,
    openapi_extra={"requestBody": _body()},
    responses={**ACCEPTED, **problems(400, 422)},
)
async def start_style_transfer(
    request: Request, services: ServicesDep, response: Response, idempotency_key: IdempotencyKey = None
) -> dict[str, Any]:
    """Draw a picture in the style of others: a job with previews. Send files in a form, or ids of pictures that were sent or drawn."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        asked = await _from_form(request, services.store)
    elif kind == "application/json":
        asked = _parsed(await request.body(), "")
    else:
        raise Unsupported("Send application/json, or a form: multipart/form-data.")
    try:
        wanted = StylizeRequest.model_validate(asked)
    except ValidationError as error:
        raise Invalid.of(error) from error
    async with services.database.write() as session:
        job = await session.run_sync(queue.submit_stylization, wanted, services.store, idempotency_key=idempotency_key)
        snapshot = job.snapshot()
    services.supervisor.poke()
    response.headers["Location"] = f"/api/v1/style-transfers/{job.id}"
    return snapshot


def _parsed(text: str | bytes, pointer: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise Invalid.at(pointer, f"{pointer.lstrip('/') or 'the body'} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Invalid.at(pointer, f"{pointer.lstrip('/') or 'the body'} must be a JSON object")
    return value


async def _from_form(request: Request, store: Store) -> dict[str, Any]:
    """The form as the JSON body would be: its files are kept, and stand there by their ids."""
    async with request.form(max_files=MOST_FILES, max_fields=len(FILES) + 1, max_part_size=MAX_OPTIONS) as form:
        unknown = [name for name in form if name not in (*FILES, "options")]
        if unknown:
            raise Invalid.at(f"/{unknown[0]}", f"there is no field of this name; there are {', '.join((*FILES, 'options'))}")
        options = form.get("options", "{}")
        if isinstance(options, UploadFile):
            options = (await options.read(MAX_OPTIONS)).decode(errors="replace")
        asked = _parsed(options or "{}", "/options")
        files = {name: [file for file in form.getlist(name) if isinstance(file, UploadFile) and file.filename] for name in FILES}
        if len(files["content"]) > 1:
            raise Invalid.at("/content", "send one content")
        ids = {name: [await _keep(store, file, f"/{name}") for file in sent] for name, sent in files.items()}

    asked.update({"content": ids["content"][0]} if ids["content"] else {})
    styles = asked.get("styles", [])
    if not isinstance(styles, list) or not all(isinstance(style, dict) for style in styles):
        raise Invalid.at("/options/styles", "styles must be a list of JSON objects")
    styles = [*styles, *({} for _ in range(len(ids["style"]) - sum("picture" not in style for style in styles)))]
    for field, sent in (("picture", ids["style"]), ("mask", ids["mask"])):
        lacking = [style for style in styles if field not in style]
        if len(sent) > len(lacking):
            raise Invalid.at("/mask", f"there are {len(sent)} masks for {len(lacking)} styles")
        for style, identity in zip(lacking, sent, strict=False):
            style[field] = identity
    return asked | {"styles": styles}


async def _keep(store: Store, file: UploadFile, pointer: str) -> str:
    if file.size is not None and file.size > MAX_BYTES:
        raise Invalid.at(pointer, f"{file.filename}: no more than {MAX_BYTES >> 20} MB are taken")

    def copy(path: FilePath) -> None:
        with path.open("wb") as target:
            shutil.copyfileobj(file.file, target)

    async def write(path: FilePath) -> None:
        await run_in_threadpool(copy, path)

    return await kept(store, write, pointer, file.filename or "")


job_routes(router, "stylize", "style transfer")

# -------------------------------------------------------------------------------------------------------------- pictures

TransferId = Annotated[int, Path(alias="transfer_id", ge=1, le=MAX_ID, description="Number of the style transfer.")]


@router.get("/{transfer_id}/metrics", operation_id="get_style_transfer_metrics", responses=problems(404, 422))
async def get_style_transfer_metrics(transfer_id: TransferId, session: ReadDep, max_points: MaxPoints = 1000) -> MetricsOut:
    """Losses over the steps."""
    return await metrics_of(await find_job(session, "stylize", "style transfer", transfer_id), session, max_points)


@router.get("/{transfer_id}/previews", operation_id="list_style_transfer_previews", responses=problems(404, 422))
async def list_style_transfer_previews(transfer_id: TransferId, session: ReadDep) -> Page[PreviewOut]:
    """The picture as it was getting better, in order."""
    await find_job(session, "stylize", "style transfer", transfer_id)
    previews = await session.scalars(queries.previews(transfer_id))
    return Page(items=[PreviewOut.model_validate(preview.data) for preview in previews], next_cursor=None)


@router.get(
    "/{transfer_id}/previews/{step}.png",
    operation_id="get_style_transfer_preview",
    response_class=FileResponse,
    responses={**PNG, **problems(404, 422)},
)
def get_style_transfer_preview(
    transfer_id: TransferId, step: Annotated[int, Path(ge=0, le=MAX_ID)], services: ServicesDep, size: Size = None
) -> Response:
    """The picture as it was after a step."""
    path = services.store.preview(transfer_id, step)
    if not path.is_file():
        raise NotFound(f"Style transfer {transfer_id} has no preview of step {step}.")
    return served(path, size)


@router.get(
    "/{transfer_id}/picture",
    operation_id="get_style_transfer_picture",
    response_class=FileResponse,
    responses={**PNG, **problems(404, 422)},
)
async def get_style_transfer_picture(transfer_id: TransferId, session: ReadDep, services: ServicesDep, size: Size = None) -> Response:
    """The picture: the result, or where it has not ended well the newest there is. How it was made rides in the text chunk `parameters`."""
    job = await find_job(session, "stylize", "style transfer", transfer_id)
    path = services.store.result(job.id)
    if job.status == "succeeded" and path.is_file():
        return await run_in_threadpool(served, path, size)
    newest = None if job.preview_step is None else services.store.preview(job.id, job.preview_step)
    if newest is None or not newest.is_file():
        raise NotFound(f"Style transfer {job.id} has no picture yet.")
    return await run_in_threadpool(served, newest, size, cache="no-cache")
