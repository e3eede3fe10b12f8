"""Pictures that people send, to be used in what they ask for next; and those built-in styles that need no sending."""

import asyncio
import io
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from PIL import Image
from pydantic import BaseModel, ConfigDict

from atelier.api.deps import IMMUTABLE, ServicesDep
from atelier.api.forms import FILE, receive, request_body
from atelier.api.pages import Page
from atelier.api.problems import problems
from atelier.errors import Invalid, NotFound
from atelier.jobs.pictures import find_picture, gallery_picture, take_in
from atelier.registry.store import Store
from atelier.styletransfer.gallery import styles

router = APIRouter(prefix="/pictures", tags=["style transfer"])
gallery = APIRouter(prefix="/styles", tags=["style transfer"])

MAX_BYTES = 64 << 20  # of a picture's file
THUMBNAIL = 256  # pixels
PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}
_decoding = asyncio.Semaphore(1)  # a picture takes up to 320 MB while it is open

Size = Annotated[int | None, Query(ge=16, le=2048, description="Reduce it to a longer side of so many pixels.")]


class PictureOut(BaseModel):
    """A picture that was sent."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Names the pixels: the same picture has the same id."""
    url: str
    width: int
    height: int


class StyleOut(BaseModel):
    """A built-in style."""

    name: str
    title: str
    description: str
    licence: str
    url: str


_FORM = request_body(
    {"required": [FILE], "properties": {FILE: {"type": "string", "contentMediaType": "image/*", "description": "A picture's file."}}},
    {"photograph": {"summary": "A photograph", "value": {FILE: "cat.jpg"}}},
)


@router.post(
    "",
    operation_id="send_picture",
    status_code=201,
    response_model=PictureOut,
    max_body_size=2 * MAX_BYTES,
    openapi_extra={"requestBody": _FORM},
    responses=problems(400, 422, 507),
)
async def send_picture(request: Request, services: ServicesDep) -> PictureOut:
    """Send a picture, to use it by its id as often as you like: turned upright, over white, and reduced to 4,096 pixels at most."""

    async def nothing(fields: dict[str, str]) -> None:
        return None

    async with receive(request, services.store.uploads, (), max_bytes=MAX_BYTES, before_file=nothing) as form:
        if form.file_name is None:
            raise Invalid.at(f"/{FILE}", "send a picture's file")
        identity = await decoded(services.store, form.path, f"/{FILE}", form.file_name)
    return await run_in_threadpool(_out, services.store, identity)


async def decoded(store: Store, path: FilePath, pointer: str, name: str) -> str:
    """The id of a picture that lies in the file; one at a time is decoded, however many are sent at once."""
    async with _decoding:
        return await run_in_threadpool(take_in, store, path, pointer=pointer, name=name)


async def kept(store: Store, write: Callable[[FilePath], Awaitable[None]], pointer: str, name: str) -> str:
    """The same for one that `write` puts into a file that is gone afterwards."""
    path = store.uploads / f"{secrets.token_hex(16)}.part"
    try:
        await write(path)
        return await decoded(store, path, pointer, name)
    finally:
        path.unlink(missing_ok=True)


def _out(store: Store, identity: str) -> PictureOut:
    path = find_picture(store, identity)
    assert path is not None
    with Image.open(path) as image:
        return PictureOut(id=identity, url=f"/api/v1/pictures/{identity}", width=image.width, height=image.height)


@router.get("/{picture_id}", operation_id="get_picture", response_class=FileResponse, responses={**PNG, **problems(404, 422)})
def get_picture(
    picture_id: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="Id of the picture.")],
    services: ServicesDep,
    size: Size = None,
) -> Response:
    """A picture that was sent, or drawn."""
    path = find_picture(services.store, picture_id)
    if path is None:
        raise NotFound(f"There is no picture {picture_id}.")
    return served(path, size)


@gallery.get("", operation_id="list_styles")
def list_styles() -> Page[StyleOut]:
    """Built-in styles: they can be named wherever the picture of a style is asked for."""
    items = [
        StyleOut(name=name, title=one.title, description=one.description, licence=one.licence, url=f"/api/v1/styles/{name}/picture")
        for name, one in styles.items()
    ]
    return Page(items=items, next_cursor=None)


@gallery.get("/{name}/picture", operation_id="get_style", response_class=FileResponse, responses={**PNG, **problems(404, 422)})
def get_style(name: Annotated[str, Path(description="Name of the style.")], services: ServicesDep, size: Size = None) -> Response:
    """The picture of a built-in style."""
    if name not in styles:
        raise NotFound(f"There is no style {name!r}; there are {', '.join(styles)}.")
    small = size is not None and size <= THUMBNAIL  # drawn small: several times as fast
    return served(gallery_picture(services.store, name, THUMBNAIL) if small else gallery_picture(services.store, name), size)


def served(path: FilePath, size: int | None, *, cache: str = IMMUTABLE) -> Response:
    """A picture's file, or the picture reduced."""
    headers = {"Cache-Control": cache}
    if size is None:
        return FileResponse(path, media_type="image/png", headers=headers)
    with Image.open(path) as image:
        image.thumbnail((size, size), Image.Resampling.LANCZOS)
        png = io.BytesIO()
        image.save(png, "PNG")
    return Response(png.getvalue(), media_type="image/png", headers=headers)
