"""Drawing images with a version, and the images that were drawn."""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, model_validator

from atelier.api.deps import IMMUTABLE, ModelName, ServicesDep, VersionNumber, find_drawable
from atelier.api.deps import services as of_application
from atelier.api.negotiation import preferred, unless_gone
from atelier.api.problems import problems
from atelier.errors import Invalid, NotFound
from atelier.serving.history import Kept
from atelier.serving.images import MEDIA_TYPES, Format, archive, image_id, sheet
from atelier.serving.requests import Subject, Wishes, resolve

router = APIRouter(tags=["images"])

MAX_COUNT = 64
Seed = Annotated[int, Field(ge=0, le=2**53 - 1)]  # what JSON keeps exactly everywhere
Layout = Literal["grid", "zip"]
PICTURES: dict[str, Any] = {kind: {} for kind in (*MEDIA_TYPES.values(), "application/zip")}


class ImagesIn(Wishes):
    """What to draw. The i-th image has the seed `seed + i`, or `seeds[i]`, and is the same when it is drawn alone."""

    count: int = Field(1, ge=1, le=MAX_COUNT)
    """How many images."""
    seed: Seed | None = None
    """Seed of the first image; one is chosen, and told, where neither this nor `seeds` nor a latent is given."""
    seeds: list[Seed] | None = Field(None, min_length=1, max_length=MAX_COUNT)
    """A seed for each image, in place of `count` and `seed`."""
    format: Format | None = None
    """Of the files; without it, what `Accept` names, else PNG. WebP and JPEG lose a little. In all of them ride the parameters."""
    layout: Layout = "grid"
    """How several come where the answer is no JSON: in one picture, or as files of their own in a zip."""

    @model_validator(mode="after")
    def _agree(self) -> "ImagesIn":
        if self.seeds is not None and ("seed" in self.model_fields_set or "count" in self.model_fields_set):
            raise Invalid.at("/seeds", "give either seeds, or count and seed")
        return self

    def all_seeds(self) -> list[int]:
        if self.seeds is not None:
            return self.seeds
        return list(range(first := seed_of(self, self.seed), first + self.count))


def seed_of(subject: Subject, seed: int | None) -> int:
    """The seed that was given; without one, 0 where all begins at a latent, and else one by chance."""
    if seed is None:
        return 0 if subject.latent is not None else secrets.randbelow(2**31)
    return seed


EXAMPLES: dict[str, Any] = {
    "four": {"summary": "Four images from one seed on", "value": {"count": 4, "seed": 1}},
    "class": {"summary": "A class by its number", "value": {"count": 4, "seed": 1, "class_index": 3}},
    "mixture": {"summary": "A mixture of two classes", "value": {"count": 4, "seed": 1, "class_weights": {"three": 0.5, "eight": 0.5}}},
    "prompt": {"summary": "What a sentence says", "value": {"count": 4, "seed": 1, "prompt": "a red star"}},
    "attributes": {"summary": "Attributes", "value": {"count": 4, "seed": 1, "attributes": {"star": 1, "red": 1, "size": 0.8}}},
    "directions": {"summary": "Moved along a direction", "value": {"seed": 1, "directions": {"sefa-1": 1.5}}},
    "projection": {"summary": "A picture that was projected, moved", "value": {"latent": 7, "directions": {"sefa-1": -1}}},
    "dial": {"summary": "Turned until it is seen to be red", "value": {"count": 4, "seed": 1, "dial": {"red": 0.9}}},
    "files": {"summary": "Sixteen files in a zip", "value": {"count": 16, "seed": 1, "layout": "zip", "format": "webp"}},
    "style": {"summary": "Nearer to the mean image", "value": {"count": 4, "seed": 1, "truncation_psi": 0.7, "noise_mode": "const"}},
}


class ImageParametersOut(BaseModel):
    """All that decides an image. What is not here was not asked for; a class asked for by its index is told by its name."""

    model: str
    version: int
    seed: int
    prompt: str | None = None
    negative_prompt: str | None = None
    prompt_weights: dict[str, float] | None = None
    class_weights: dict[str, float] | None = None
    attributes: dict[str, float] | None = None
    truncation_psi: float | None = None
    truncation_cutoff: int | None = None
    noise_mode: str | None = None
    latent: list[float] | int | None = None
    latent_digest: str | None = None
    directions: dict[str, float] | None = None
    directions_digest: dict[str, str] | None = None
    dial: dict[str, float] | None = None
    classifier: str | None = None


class ImageOut(BaseModel):
    """An image that was drawn."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Names the content: the same weights and parameters have the same id."""
    url: str
    seed: int
    parameters: ImageParametersOut


class ImagesOut(BaseModel):
    """The images of one request, in its order."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    items: list[ImageOut]
    url: str
    """All of them in one picture."""


@router.post(
    "/models/{name}/versions/{number}/images",
    operation_id="draw_images",
    response_model=ImagesOut,
    response_model_exclude_none=True,
    responses={200: {"content": PICTURES}, **problems(404, 422, 429, 503)},
)
async def draw_images(
    name: ModelName, number: VersionNumber, body: Annotated[ImagesIn, Body(openapi_examples=EXAMPLES)], request: Request
) -> ImagesOut | Response:
    """Draw images: a list with their URLs, or, with `Accept: image/png`, `image/webp` or `image/jpeg`, the picture, a grid when there are
    several. `Accept: application/zip`, or `layout` beside another picture's type, gets files. What was drawn before is not drawn again."""
    # No dependencies: quick.py calls this without the framework, which would look them up.
    services = await of_application(request)
    drawable, answer = await find_drawable(services, name, number), preferred(request.headers.get("accept", ""))
    wish = resolve(body, drawable.can)
    seeds = body.all_seeds()
    rows = {image_id(drawable.weights.digest, wish.identity(seed)): wish.row(seed, **drawable.of_version) for seed in seeds}
    pngs = await unless_gone(request, services.drawn.get(drawable.weights, rows))
    services.history.add(Kept(image, drawable.weights.digest, row["parameters"]) for image, row in rows.items())

    ids = [image_id(drawable.weights.digest, wish.identity(seed)) for seed in seeds] if len(rows) < len(seeds) else list(rows)
    if answer == "json":
        suffix = f"?format={body.format}" if body.format not in (None, "png") else ""
        made = ((image, rows[image]) for image in ids)
        return ImagesOut(
            items=[ImageOut(id=i, url=f"/api/v1/images/{i}{suffix}", seed=row["seed"], parameters=row["parameters"]) for i, row in made],
            url=f"/api/v1/images/{','.join(ids)}{suffix}",
        )
    layout: Layout = "zip" if answer == "zip" else body.layout
    format: Format = body.format or ("png" if answer == "zip" else answer)
    response = await _response([pngs[image] for image in ids], format, layout)
    response.headers["ETag"] = etag_of(ids, format, layout)
    response.headers["Content-Location"] = f"/api/v1/images/{','.join(ids)}?format={format}&layout={layout}"
    return response


@router.get(
    "/images/{image_id}",
    operation_id="get_image",
    response_class=Response,
    responses={200: {"content": PICTURES}, 304: {"description": "Not modified."}, **problems(404, 422)},
)
async def get_image(
    image_id: Annotated[
        str,
        Path(pattern=r"^[0-9a-f]{32}(,[0-9a-f]{32}){0,63}$", description="Id of the image, or of several, separated by commas."),
    ],
    services: ServicesDep,
    format: Annotated[Format, Query(description="WebP and JPEG lose a little.")] = "png",
    layout: Annotated[Layout, Query(description="How several come: in one picture, or as files in a zip.")] = "grid",
    if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """An image that was drawn, or a grid or a zip of several; the parameters ride in it."""
    ids = image_id.split(",")
    found = await services.drawn.find(set(ids))
    if missing := [image for image in ids if image not in found]:
        raise NotFound(f"There is no image {missing[0]}.")
    headers = {"ETag": etag_of(ids, format, layout), "Cache-Control": IMMUTABLE}
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    try:
        response = await _response([found[image] for image in ids], format, layout)
    except ValueError as error:  # of images of different versions
        raise Invalid.at("/layout", f"{error}; layout=zip takes all") from error
    response.headers.update(headers)
    return response


def etag_of(ids: Sequence[str], format: Format, layout: Layout) -> str:
    """Strong: the same images in the same form are the same bytes."""
    if (len(ids), format, layout) == (1, "png", "grid"):
        return f'"{ids[0]}"'
    return f'"{hashlib.sha256(",".join([*ids, format, layout]).encode()).hexdigest()[:32]}"'


async def _response(pngs: Sequence[bytes], format: Format, layout: Layout) -> Response:
    """Pictures as the client wants them."""
    if layout == "zip":
        headers = {"Content-Disposition": 'attachment; filename="images.zip"'}
        return Response(await run_in_threadpool(archive, pngs, format), headers=headers, media_type="application/zip")
    alone = len(pngs) == 1 and format == "png"
    return Response(pngs[0] if alone else await run_in_threadpool(sheet, pngs, format), media_type=MEDIA_TYPES[format])
