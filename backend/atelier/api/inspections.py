"""What a picture's file tells of itself: the recipe that it was drawn from, and whether it can be drawn here again."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict

from atelier.api.deps import ServicesDep
from atelier.api.forms import FILE, receive
from atelier.api.pictures import MAX_BYTES
from atelier.api.problems import problems
from atelier.api.recipes import Recipe, RequestOut, drawables_of
from atelier.datasets.pictures import Unreadable, examine
from atelier.errors import Invalid, TooLarge
from atelier.registry.store import Store
from atelier.serving.images import BY_GRAPH, MEDIA_TYPES, image_id, read_parameters
from atelier.serving.requests import Wishes, resolve

router = APIRouter(prefix="/images", tags=["images"])

_FILE = {"type": "string", "contentMediaType": "image/*", "description": "A PNG, WebP or JPEG that Atelier drew."}
_RAW = {"schema": _FILE, "examples": {"file": {"summary": "The file itself", "value": "cat.png"}}}
_FORM = {
    "schema": {"type": "object", "required": [FILE], "properties": {FILE: _FILE}},
    "examples": {"file": {"summary": "A picture's file", "value": {FILE: "cat.png"}}},
}


class InspectionOut(BaseModel):
    """How a picture was drawn."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    parameters: dict[str, Any]
    """As they stand in the file."""
    versions: list[str]
    """The version that drew it, such as `cats@3`; of a comparison, all of them."""
    seeds: list[int]
    width: int
    height: int
    format: str
    """`png`, `webp` or `jpeg`."""
    here: bool
    """Whether versions of these names and numbers are here."""
    image: str | None
    """Where this image stands in the history: its URL."""
    request: RequestOut | None
    """What draws it again with the versions that are here; null where nothing does."""
    unavailable: str | None
    """Why nothing does."""


@router.post(
    "/inspect",
    operation_id="inspect_image",
    response_model=InspectionOut,
    max_body_size=2 * MAX_BYTES,
    openapi_extra={
        "requestBody": {"required": True, "content": {"multipart/form-data": _FORM, **dict.fromkeys(MEDIA_TYPES.values(), _RAW)}}
    },
    responses=problems(400, 422, 507),
)
async def inspect_image(request: Request, services: ServicesDep) -> InspectionOut:
    """Read a picture's recipe back. Nothing of the file is kept."""
    async with _sent(request, services.store) as path:
        parameters, (width, height), format = await run_in_threadpool(_read, path)
    try:
        recipe = Recipe.of(parameters)
    except ValueError as error:
        raise Invalid.at(f"/{FILE}", f"the picture was not drawn by a version: {error}") from error
    drawables = await drawables_of(services, set(recipe.versions))
    again, unavailable, url = None, None, None
    try:
        again = recipe.again(drawables)
    except ValueError as error:
        unavailable = str(error)
    if again is not None and recipe.alone:
        [drawable] = drawables.values()
        wish = resolve(Wishes.model_validate({name: value for name, value in again.body.items() if name != "seed"}), drawable.can)
        identity = {"seed": recipe.seeds[0], **wish.parameters}
        either = [image_id(drawable.weights.digest, {**identity, **runtime}) for runtime in (wish.runtime, BY_GRAPH, {})]
        found = await services.drawn.find(set(either))
        url = next((f"/api/v1/images/{image}" for image in either if image in found), None)
    return InspectionOut(
        parameters=parameters,
        versions=[f"{model}@{number}" for model, number in recipe.versions],
        seeds=recipe.seeds,
        width=width,
        height=height,
        format=format,
        here=all(named in drawables for named in recipe.versions),
        image=url,
        request=again,
        unavailable=unavailable,
    )


@asynccontextmanager
async def _sent(request: Request, store: Store) -> AsyncIterator[Path]:
    """The file that was sent, in a form or as the body; gone afterwards."""

    async def nothing(fields: dict[str, str]) -> None:
        return None

    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES.values():
        async with receive(request, store.uploads, (), max_bytes=MAX_BYTES, before_file=nothing) as form:
            if form.file_name is None:
                raise Invalid.at(f"/{FILE}", "send a picture's file")
            yield form.path
        return
    path, size = store.uploads / f"{secrets.token_hex(16)}.part", 0
    try:
        with path.open("wb") as file:
            async for piece in request.stream():
                size += len(piece)
                if size > MAX_BYTES:
                    raise TooLarge(f"The file is larger than {MAX_BYTES:,} bytes.")
                await run_in_threadpool(file.write, piece)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _read(path: Path) -> tuple[dict[str, Any], tuple[int, int], str]:
    """What is written in a picture, its size and its format; its pixels are not decoded."""
    try:
        with examine(path) as image:
            parameters, format = read_parameters(image), (image.format or "").lower()
            size = image.size
    except Unreadable as error:
        raise Invalid.at(f"/{FILE}", f"the picture can't be read: {error}") from error
    if parameters is None:
        raise Invalid.at(
            f"/{FILE}", "nothing in the picture says how it was drawn: it does not come from Atelier, or somebody has saved it anew"
        )
    return parameters, size, format
