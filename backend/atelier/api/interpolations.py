"""Walks: the images on the way from one to the next, as frames of their own or as a film."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Header, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, model_validator

from atelier.api.deps import IMMUTABLE, DrawableDep, Services, ServicesDep
from atelier.api.drawables import Drawable
from atelier.api.images import Seed, seed_of
from atelier.api.negotiation import best_of, unless_gone
from atelier.api.problems import problems
from atelier.errors import Invalid, NotFound
from atelier.serving.animation import ANIMATIONS, Animation, animate
from atelier.serving.derived import End, frame, positions
from atelier.serving.films import film_name, find, keep
from atelier.serving.images import archive, encode, grid
from atelier.serving.requests import Abilities, Manner, Subject, Wishes, resolve
from atelier.serving.rows import Row
from atelier.steering.paths import Easing, PathSpace

router = APIRouter(tags=["images"])

MAX_WAYPOINTS = 16
MAX_FRAMES = 600
MAX_PIXELS = 1 << 25  # of all frames
CHUNK = 64  # images that are asked for at a time, so that others come in between

ANSWERS: dict[str, str] = {
    "application/json": "json",
    "application/*": "json",
    "*/*": "json",
    "application/zip": "zip",
    "image/png": "png",
    **{media_type: format for format, media_type in ANIMATIONS.items()},
    "image/*": "webp",
    "video/*": "mp4",
}
CONTENT: dict[str, Any] = {kind: {} for kind in ("image/png", "application/zip", *ANIMATIONS.values())}


class EndIn(Subject):
    """An image that others are made of."""

    seed: Seed | None = None
    """One is chosen, and told, where neither this nor a latent is given."""


class InterpolationIn(Manner):
    """A walk from image to image. Each is asked for as `POST …/images` asks; how they are drawn is said once, for all of the way."""

    waypoints: list[EndIn] = Field(min_length=2, max_length=MAX_WAYPOINTS)
    """The images that the walk leads past; each of them is a frame, and the same as when it is drawn alone."""
    frames: int = Field(24, ge=1, le=MAX_FRAMES)
    """How many frames lead from each waypoint to the next: 24 are 23 images between them and the next one."""
    easing: Easing = "linear"
    """How each leg is gone: evenly, or slower at its beginning or end, as CSS has it."""
    loop: bool = False
    """Whether the last waypoint leads on to the first."""
    at: list[Annotated[float, Field(ge=0, le=MAX_WAYPOINTS, allow_inf_nan=False)]] | None = Field(None, min_length=1, max_length=MAX_FRAMES)
    """Positions of single frames, in place of `frames` and `easing`: 0 is the first waypoint, 1.5 half way from the second to the third."""
    space: PathSpace | None = None
    """Where the way leads: along the shell on which z lies, or straight through the styles w; w for versions that have one, without it."""
    fps: float = Field(24, ge=1, le=60)
    """Frames a second of a film."""
    format: Animation | None = None
    """Of a film; without it, what `Accept` names. Beside a JSON answer it is made as well, and told by its URL."""

    @model_validator(mode="after")
    def _agree(self) -> "InterpolationIn":
        if self.at is not None and {"frames", "easing"} & self.model_fields_set:
            raise Invalid.at("/at", "give either at, or frames and easing")
        if self.noise_mode == "random":
            raise Invalid.at("/noise_mode", "noise of each image's own would jump from frame to frame; take const or none")
        return self


EXAMPLES: dict[str, Any] = {
    "seeds": {
        "summary": "From seed to seed and back, as a GIF",
        "value": {"waypoints": [{"seed": 1}, {"seed": 2}, {"seed": 3}], "frames": 20, "loop": True, "format": "gif"},
    },
    "classes": {
        "summary": "One class becomes another",
        "value": {"waypoints": [{"seed": 1, "class_index": 3}, {"seed": 1, "class_index": 8}], "easing": "ease-in-out"},
    },
    "slider": {
        "summary": "A slider from end to end",
        "value": {"waypoints": [{"seed": 1, "directions": {"sefa-1": -3}}, {"seed": 1, "directions": {"sefa-1": 3}}], "frames": 16},
    },
    "alone": {"summary": "A frame of it alone", "value": {"waypoints": [{"seed": 1}, {"seed": 2}], "at": [0.25]}},
}


class FrameOut(BaseModel):
    """An image of a walk."""

    id: str
    url: str
    position: float
    parameters: dict[str, Any]


class InterpolationOut(BaseModel):
    """The frames of a walk, in their order."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    items: list[FrameOut]
    space: PathSpace
    seeds: list[int]
    """Of the waypoints."""
    film_url: str | None
    """The film, where a format was asked for."""


class Walk:
    """What a request asks for, frame by frame."""

    def __init__(self, body: InterpolationIn, drawable: Drawable) -> None:
        """
        Raises:
            Invalid: the version can't do it, or it is too much.
        """
        can = drawable.can
        self.space = _space(body, can)
        self.ends = ends_of(body.waypoints, body, can, "/waypoints")
        self.positions = _positions(body, can)
        self.frames = [frame(self.ends, place, self.space, drawable.weights.digest, drawable.of_version) for place in self.positions]
        chosen = body.model_dump(include={"at"} if body.at is not None else {"frames", "easing"})
        told = {"waypoints": [end.identity for end in self.ends], **self.ends[0].request.options, **chosen}
        self.parameters = {**drawable.of_version, **told, "loop": body.loop, "space": self.space}


def ends_of(asked: Sequence[EndIn], manner: Manner, can: Abilities, pointer: str) -> list[End]:
    """
    Raises:
        Invalid: with all that the version can't do.
    """
    options = manner.model_dump(include={*Manner.model_fields}, exclude_none=True)
    resolve(Wishes.model_validate(options), can)  # what is wrong with these is no end's fault
    ends, errors = [], []
    for index, one in enumerate(asked):
        subject = one.model_dump(exclude={"seed"}, exclude_none=True)
        try:
            ends.append(End(seed_of(one, one.seed), resolve(Wishes.model_validate({**subject, **options}), can)))
        except Invalid as error:
            errors += [{**told, "pointer": f"{pointer}/{index}{told['pointer']}"} for told in error.errors]
    if errors:
        raise Invalid("; ".join(error["detail"] for error in errors), errors)
    return ends


def _space(body: InterpolationIn, can: Abilities) -> PathSpace:
    if body.space == "w" and not can.num_styles:
        raise Invalid.at("/space", f"{can.name} has no w; its walks lead through z")
    space = body.space or ("w" if can.num_styles else "z")
    if space == "z" and can.num_styles and any(isinstance(one.latent, int) for one in body.waypoints):
        raise Invalid.at("/space", f"projections of {can.name} are styles, which no z draws; the way leads through w")
    return space


def _positions(body: InterpolationIn, can: Abilities) -> list[float]:
    legs = len(body.waypoints) - (not body.loop)
    most = min(MAX_FRAMES, MAX_PIXELS // can.resolution**2)
    if body.at is not None:
        if any(place > legs for place in body.at):
            raise Invalid.at("/at", f"positions go from 0 to {legs}")
        if len(body.at) > most:
            raise Invalid.at("/at", f"{len(body.at)} frames are more than the {most} that fit")
        return body.at
    if (count := legs * body.frames + (not body.loop)) > most:
        fitting = f"{max(1, (most - 1) // legs)} frames from each waypoint to the next fit"
        raise Invalid.at("/frames", f"these are {count} frames of {can.resolution} pixels, and {most} is the most; {fitting}")
    return positions(len(body.waypoints), body.frames, easing=body.easing, loop=body.loop)


async def draw_all(services: Services, drawable: Drawable, rows: Mapping[str, Row]) -> dict[str, bytes]:
    """PNGs by their ids, however many."""
    images, drawn = list(rows), dict[str, bytes]()
    for start in range(0, len(images), CHUNK):
        drawn |= await services.drawn.get(drawable.weights, {image: rows[image] for image in images[start : start + CHUNK]})
    return drawn


def _wanted(accept: Annotated[str, Header(include_in_schema=False)] = "") -> str:
    return best_of(accept, ANSWERS, "json")


@router.post(
    "/models/{name}/versions/{number}/interpolations",
    operation_id="interpolate_images",
    response_model=InterpolationOut,
    responses={200: {"content": CONTENT}, **problems(404, 422, 429, 503)},
)
async def interpolate_images(
    drawable: DrawableDep,
    body: Annotated[InterpolationIn, Body(openapi_examples=EXAMPLES)],
    answer: Annotated[str, Depends(_wanted)],
    request: Request,
    services: ServicesDep,
) -> InterpolationOut | Response:
    """Walk from image to image: a list of frames with their URLs, or, with `Accept: image/gif`, `image/webp`, `image/apng` or
    `video/mp4`, a film; with `application/zip` the frames as files, with `image/png` all of them side by side.

    Every frame can be drawn again alone, by `at`."""
    walk = Walk(body, drawable)
    rows, images = dict(walk.frames), [image for image, _ in walk.frames]
    format = body.format or next((format for format in ANIMATIONS if format == answer), None)
    film: FilePath | None = None
    name = format and film_name(images, walk.parameters, body.fps, format)
    if name is not None:
        film = await run_in_threadpool(find, services.store.films, name)
    if film is not None and answer not in ("json", "zip", "png"):
        return _film(film)
    pngs = await unless_gone(request, draw_all(services, drawable, rows))
    ordered = [pngs[image] for image in images]
    if name is not None and format is not None and film is None:
        content = await run_in_threadpool(lambda: animate(opened(ordered), format, fps=body.fps, parameters=walk.parameters))
        film = await run_in_threadpool(keep, services.store.films, name, content)
    if answer == "json":
        frames = zip(walk.frames, walk.positions, strict=True)
        return InterpolationOut(
            items=[FrameOut(id=i, url=f"/api/v1/images/{i}", position=place, parameters=row["parameters"]) for (i, row), place in frames],
            space=walk.space,
            seeds=[end.seed for end in walk.ends],
            film_url=name and f"/api/v1/films/{name}",
        )
    if answer == "zip":
        headers = {"Content-Disposition": 'attachment; filename="frames.zip"'}
        return Response(await run_in_threadpool(archive, ordered), headers=headers, media_type="application/zip")
    if answer == "png":
        return Response(await run_in_threadpool(lambda: encode(grid(opened(ordered)), walk.parameters)), media_type="image/png")
    assert film is not None
    return _film(film)


@router.get(
    "/films/{name}",
    operation_id="get_film",
    response_class=FileResponse,
    responses={200: {"content": {media_type: {} for media_type in ANIMATIONS.values()}}, **problems(404, 422)},
)
def get_film(
    name: Annotated[str, Path(pattern=r"^[0-9a-f]{32}\.(gif|apng|webp|mp4)$", description="As a walk's answer has told it.")],
    services: ServicesDep,
    if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """A film that was made of a walk. One that nobody asked for in a long time may have gone; the same request makes it again."""
    path = find(services.store.films, name)
    if path is None:
        raise NotFound(f"There is no film {name}.")
    if if_none_match is not None and f'"{name}"' in if_none_match:
        return Response(status_code=304, headers={"ETag": f'"{name}"', "Cache-Control": IMMUTABLE})
    return _film(path)


def _film(path: FilePath) -> FileResponse:
    media_type = ANIMATIONS[path.suffix[1:]]  # type: ignore[index]  # named by us
    headers = {"ETag": f'"{path.name}"', "Cache-Control": IMMUTABLE, "Content-Location": f"/api/v1/films/{path.name}"}
    return FileResponse(path, media_type=media_type, headers=headers)


def opened(pngs: Sequence[bytes]) -> list[Image.Image]:
    return [Image.open(io.BytesIO(png)) for png in pngs]
