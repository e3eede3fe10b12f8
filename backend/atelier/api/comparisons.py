"""The same seeds through several versions, side by side in one request."""

import asyncio
import io
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from atelier.api.deps import ServicesDep, find_drawable
from atelier.api.drawables import Drawable
from atelier.api.images import PICTURES, ImageOut, ImagesIn, Seed
from atelier.api.negotiation import AnswerDep, unless_gone
from atelier.api.problems import problems
from atelier.errors import Invalid, NotFound
from atelier.registry.naming import parse
from atelier.serving import requests
from atelier.serving.history import Kept
from atelier.serving.images import GAP, MEDIA_TYPES, Format, archive, encode, image_id
from atelier.serving.requests import Wishes, resolve

router = APIRouter(tags=["images"])

MAX_VERSIONS = 8
MAX_COUNT = 16


class ComparisonIn(ImagesIn):
    """What to draw, with which versions. Every version draws the same seeds."""

    versions: list[Annotated[str, Field(max_length=200)]] = Field(min_length=2, max_length=MAX_VERSIONS)
    """Such as `cats@3` or `cats@production`; `cats@latest` or `cats` is the latest."""
    count: int = Field(1, ge=1, le=MAX_COUNT)
    """How many images of each version."""
    seeds: list[Seed] | None = Field(None, min_length=1, max_length=MAX_COUNT)
    """A seed for each column, in place of `count` and `seed`."""


EXAMPLES: dict[str, Any] = {
    "two": {"summary": "Two versions of a model", "value": {"versions": ["cats@1", "cats@latest"], "seed": 1, "count": 4}},
    "seeds": {"summary": "Chosen seeds", "value": {"versions": ["cats@1", "dogs@2", "birds"], "seeds": [3, 14, 15]}},
}


class ComparedOut(BaseModel):
    """What one version has drawn."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    version: str
    """Such as `cats@3`, also where the latest was asked for."""
    images: list[ImageOut]
    """In the order of the seeds."""


class ComparisonOut(BaseModel):
    """A row of images for each version, in the request's order."""

    seeds: list[int]
    items: list[ComparedOut]


@router.post(
    "/comparisons",
    operation_id="compare_versions",
    response_model=ComparisonOut,
    response_model_exclude_none=True,
    responses={200: {"content": PICTURES}, **problems(422, 429, 503)},
)
async def compare_versions(
    body: Annotated[ComparisonIn, Body(openapi_examples=EXAMPLES)], answer: AnswerDep, request: Request, services: ServicesDep
) -> ComparisonOut | Response:
    """Draw the same seeds with two to eight versions: a list with the images' URLs, or with `Accept: image/png` a picture with a row for
    each version and a column for each seed. `Accept: application/zip` gets files."""
    drawables = []
    for index, name in enumerate(body.versions):
        try:
            drawables.append(await find_drawable(services, *parse(name)))
        except NotFound as error:
            raise Invalid.at(f"/versions/{index}", error.detail) from error
    wishes = _resolved(body, drawables)
    seeds = body.all_seeds()
    asked = []
    for drawable, wish in zip(drawables, wishes, strict=True):
        asked.append({image_id(drawable.weights.digest, wish.identity(seed)): wish.row(seed, **drawable.of_version) for seed in seeds})
    works = [services.drawn.get(drawable.weights, rows) for drawable, rows in zip(drawables, asked, strict=True)]
    drawn = await unless_gone(request, asyncio.gather(*works))
    for drawable, rows in zip(drawables, asked, strict=True):
        services.history.add(Kept(image, drawable.weights.digest, row["parameters"]) for image, row in rows.items())

    ids = [[image_id(one.weights.digest, wish.identity(seed)) for seed in seeds] for one, wish in zip(drawables, wishes, strict=True)]
    if answer == "json":
        suffix = f"?format={body.format}" if body.format not in (None, "png") else ""
        items = []
        for drawable, rows, images in zip(drawables, asked, ids, strict=True):
            made = ((image, rows[image]) for image in images)
            outs = [ImageOut(id=i, url=f"/api/v1/images/{i}{suffix}", seed=row["seed"], parameters=row["parameters"]) for i, row in made]
            items.append(ComparedOut(version=drawable.name, images=outs))
        return ComparisonOut(seeds=seeds, items=items)
    pngs = [[found[image] for image in images] for found, images in zip(drawn, ids, strict=True)]
    format: Format = body.format or ("png" if answer == "zip" else answer)
    if answer == "zip" or body.layout == "zip":
        headers = {"Content-Disposition": 'attachment; filename="images.zip"'}
        content = await run_in_threadpool(archive, [png for row in pngs for png in row], format)
        return Response(content, headers=headers, media_type="application/zip")
    told = {
        "versions": [one.name for one in drawables],
        "seeds": seeds,
        **body.model_dump(include={*Wishes.model_fields}, exclude_none=True),
    }
    return Response(await run_in_threadpool(table, pngs, told, format), media_type=MEDIA_TYPES[format])


def _resolved(body: ComparisonIn, drawables: Sequence[Drawable]) -> list[requests.Request]:
    """
    Raises:
        Invalid: with all that versions can't do, and which.
    """
    wishes, errors = [], []
    for drawable in drawables:
        try:
            wishes.append(resolve(body, drawable.can))
        except Invalid as error:
            told = error.errors or [{"pointer": "", "detail": error.detail}]
            errors += [{**one, "detail": f"{drawable.name}: {one['detail'].removeprefix(f'{drawable.name} ')}"} for one in told]
    if errors:
        raise Invalid("; ".join(error["detail"] for error in errors), errors)
    return wishes


def table(rows: Sequence[Sequence[bytes]], parameters: dict[str, Any], format: Format = "png") -> bytes:
    """PNGs in rows and columns; the smaller ones are enlarged to the size of the largest, their pixels staying as they are."""
    images = [[Image.open(io.BytesIO(png)) for png in row] for row in rows]
    every = [image for row in images for image in row]
    width, height = max(image.width for image in every), max(image.height for image in every)
    mode = every[0].mode if len({image.mode for image in every}) == 1 else "RGB"
    size = len(rows[0]) * (width + GAP) - GAP, len(rows) * (height + GAP) - GAP
    sheet = Image.new(mode, size, "white")
    for y, row in enumerate(images):
        for x, image in enumerate(row):
            cell = image.convert(mode).resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(cell, (x * (width + GAP), y * (height + GAP)))
    return encode(sheet, parameters, format)
