"""OpenAI's images API over the versions that are here, for the clients that speak it."""

import io
import re
import secrets
import time
from base64 import b64encode
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from pydantic import BaseModel, Field

from atelier.api.deps import IMMUTABLE, ReadDep, Services, ServicesDep, find_drawable, no_such_model
from atelier.api.drawables import Drawable
from atelier.api.images import Seed
from atelier.api.negotiation import unless_gone
from atelier.errors import Invalid, NotFound
from atelier.registry import queries
from atelier.registry.naming import parse
from atelier.registry.tables import Version
from atelier.serving.history import Kept
from atelier.serving.images import MEDIA_TYPES, Format, encode, image_id, read_parameters, transcode
from atelier.serving.requests import Abilities, Wishes, resolve

router = APIRouter(prefix="/v1", tags=["OpenAI's API"])

SIDES = 16, 2048  # pixels of what is drawn, enlarged or reduced


class ErrorOut(BaseModel):
    """What went wrong, as OpenAI tells it."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorsOut(BaseModel):
    """An error."""

    error: ErrorOut


class GenerationsIn(Wishes):
    """OpenAI's request. Beside its fields, those of Atelier's own are taken, such as `seed`, `class_weights` or `truncation_psi`."""

    model: str
    """A model for its latest version, or a version: `cats`, `cats@3`, `cats@production`."""
    prompt: str = Field("", max_length=1000)  # may be blank here, as clients always send one
    """What to see. Of a version that does not draw from text: the classes or attributes that are to be seen, by their names."""
    n: int = Field(1, ge=1, le=10)
    """How many images."""
    size: str = Field("auto", pattern=r"^(auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3})$")
    """`auto` is what the version draws; others are resampled."""
    response_format: Literal["url", "b64_json"] = "url"
    """Where the images are, or the images themselves."""
    output_format: Format = "png"
    """Of the files."""
    seed: Seed | None = None
    """Of the first image, the next has the next; chosen, and told, without it."""
    stream: Literal[False] | None = None
    background: Literal["auto", "opaque"] | None = None
    """Taken, and without effect, as the next ones are."""
    moderation: str | None = None
    output_compression: int | None = None
    partial_images: int | None = None
    quality: str | None = None
    style: str | None = None
    user: str | None = None


class GenerationOut(BaseModel):
    """One image."""

    url: str | None = None
    b64_json: str | None = None
    revised_prompt: str | None = None
    seed: int


class GenerationsOut(BaseModel):
    """The images of a request."""

    created: int
    data: list[GenerationOut]
    output_format: Format
    size: str


class OpenAIModelOut(BaseModel):
    """A model by its name, or one of its versions."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "atelier"


class OpenAIModelsOut(BaseModel):
    """All that can draw."""

    object: Literal["list"] = "list"
    data: list[OpenAIModelOut]


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorsOut} for status in statuses}


EXAMPLES: dict[str, Any] = {
    "digit": {"summary": "Two images of a class", "value": {"model": "digits-cgan", "prompt": "a seven", "n": 2, "size": "128x128"}}
}


@router.post(
    "/images/generations",
    operation_id="openai_generate_images",
    response_model_exclude_none=True,
    max_body_size=1 << 20,
    responses=errors(400, 403, 404, 429, 503),
)
async def openai_generate_images(
    body: Annotated[GenerationsIn, Body(openapi_examples=EXAMPLES)], request: Request, services: ServicesDep
) -> GenerationsOut:
    """Draw images, as OpenAI's clients ask for them."""
    drawable = await _drawable(services, body.model)
    side = _side(body.size)
    wish = resolve(_wishes(body, drawable.can), drawable.can)
    first = secrets.randbelow(2**31) if body.seed is None else body.seed
    seeds = range(first, first + body.n)
    rows = {image_id(drawable.weights.digest, wish.identity(seed)): wish.row(seed, **drawable.of_version) for seed in seeds}
    pngs = await unless_gone(request, services.drawn.get(drawable.weights, rows))
    services.history.add(Kept(image, drawable.weights.digest, row["parameters"]) for image, row in rows.items())
    if body.response_format == "url":
        asked = f"size={body.size}&output_format={body.output_format}"
        made = [{"url": f"{request.base_url}v1/images/{image}?{asked}"} for image in rows]
    else:
        files = await run_in_threadpool(lambda: [resampled(png, side, body.output_format) for png in pngs.values()])
        made = [{"b64_json": b64encode(file).decode()} for file in files]
    data = [GenerationOut(seed=seed, **image) for seed, image in zip(seeds, made, strict=True)]
    with Image.open(io.BytesIO(next(iter(pngs.values())))) as drawn:
        size = f"{side or drawn.width}x{side or drawn.height}"
    return GenerationsOut(created=int(time.time()), data=data, output_format=body.output_format, size=size)


@router.get(
    "/images/{image_id}",
    operation_id="openai_get_image",
    response_class=Response,
    responses={200: {"content": {media: {} for media in MEDIA_TYPES.values()}}, **errors(400, 404)},
)
async def openai_get_image(
    image_id: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="Id of the image.")],
    services: ServicesDep,
    size: Annotated[str, Query(pattern=r"^(auto|[1-9][0-9]{1,3}x[1-9][0-9]{1,3})$", description="Pixels, such as 128x128.")] = "auto",
    output_format: Annotated[Format, Query(description="WebP and JPEG lose a little.")] = "png",
) -> Response:
    """An image that was drawn: what `url` leads to."""
    found = await services.drawn.find([image_id])
    if image_id not in found:
        raise NotFound(f"There is no image {image_id}.")
    file = await run_in_threadpool(resampled, found[image_id], _side(size), output_format)
    return Response(file, media_type=MEDIA_TYPES[output_format], headers={"Cache-Control": IMMUTABLE})


@router.get("/models", operation_id="openai_list_models")
async def openai_list_models(session: ReadDep) -> OpenAIModelsOut:
    """All models, each for its latest version, and all versions."""
    data = []
    for model, _, latest in (await session.execute(queries.models())).all():
        if latest is not None:
            versions = (await session.scalars(queries.versions(model.name))).all()
            data += [_model_out(model.name, latest), *(_model_out(f"{model.name}@{version.number}", version) for version in versions)]
    return OpenAIModelsOut(data=data)


@router.get("/models/{model}", operation_id="openai_get_model", responses=errors(404))
async def openai_get_model(model: Annotated[str, Path(description="A model, or a version: cats@3.")], session: ReadDep) -> OpenAIModelOut:
    """One model or version."""
    version = await session.scalar(queries.version(*parse(model)))
    if version is None:
        raise await no_such_model(session, model)
    return _model_out(model, version)


def _model_out(name: str, version: Version) -> OpenAIModelOut:
    return OpenAIModelOut(id=name, created=int(version.created_at.timestamp()))


async def _drawable(services: Services, model: str) -> Drawable:
    return await find_drawable(services, *parse(model))


def _side(size: str) -> int | None:
    """Of 128x128; None of auto.

    Raises:
        Invalid: it is not square, or too large.
    """
    if size == "auto":
        return None
    width, height = map(int, size.split("x"))
    if width != height or not SIDES[0] <= width <= SIDES[1]:
        raise Invalid.at("/size", f"images are square, of {SIDES[0]} to {SIDES[1]} pixels: auto, 64x64, 256x256 …")
    return width


def resampled(png: bytes, side: int | None, format: Format) -> bytes:
    """The picture, with its parameters, at so many pixels, by Lanczos' filter."""
    if side is None:
        return transcode(png, format)
    with Image.open(io.BytesIO(png)) as image:
        return encode(image.resize((side, side), Image.Resampling.LANCZOS), read_parameters(image) or {}, format)


def _wishes(body: GenerationsIn, can: Abilities) -> Wishes:
    """What the prompt asks for, in the words of the version.

    Raises:
        Invalid: the version can't be asked for it.
    """
    given = {name: getattr(body, name) for name in Wishes.model_fields if name != "prompt" and getattr(body, name) is not None}
    prompt = body.prompt.strip()
    if not prompt:
        return Wishes(**given)
    match can.conditioning:
        case "text":
            return Wishes(**given, prompt=prompt)
        case "class":
            names = _mentioned(prompt, can.class_names)
            wishes = {"class_weights": dict.fromkeys(names, 1 / len(names))} if names else {}
        case "attributes":
            names = _mentioned(prompt, can.attribute_names)
            wishes = {"attributes": dict.fromkeys(names, 1.0)} if names else {}
        case _:
            raise Invalid.at("/prompt", f"{can.name} draws from seeds alone and can't follow a prompt; leave it empty")
    if not wishes:
        known = can.class_names or can.attribute_names
        listed = ", ".join(known[:24]) + (" …" if len(known) > 24 else "")
        noun = "classes" if can.conditioning == "class" else "attributes"
        raise Invalid.at("/prompt", f"{can.name} does not read text: name {noun} of it in the prompt, or leave it empty; it has {listed}")
    return Wishes(**{**wishes, **given})


def _mentioned(prompt: str, names: Sequence[str]) -> list[str]:
    """Names that stand in a prompt as words, in any case, underscores as spaces; of names in one another, the longest."""
    left, found = re.sub(r"[\W_]+", " ", prompt).casefold(), []
    for name in sorted(names, key=len, reverse=True):
        words = re.sub(r"[\W_]+", " ", name).casefold().strip()
        standing = rf"(?<!\w){re.escape(words)}(?!\w)"
        if words and re.search(standing, left):
            left = re.sub(standing, "·", left)
            found.append(name)
    return sorted(found, key=names.index)
