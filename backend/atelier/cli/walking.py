"""`atelier interpolate` and `atelier mix`: what is drawn between images, and of two."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from atelier.cli.common import Json, print_json
from atelier.cli.drawing import draw, published_drawable
from atelier.settings import Settings

Model = Annotated[str, typer.Argument(metavar="MODEL[@N]", help="A model, and which of its versions; the latest without @N.")]
Psi = Annotated[float | None, typer.Option(help="Distance from the mean style: 0 none, 1 all of the variety.")]
IMAGE = """'{"seed": 1, "class_index": 3}'"""


def interpolate(
    model: Model,
    out: Annotated[Path, typer.Option(help="A film by its ending (.gif, .webp, .apng, .mp4), .png for all side by side, or a folder.")],
    seed: Annotated[list[int] | None, typer.Option(min=0, help="Seed of a waypoint; repeatable.")] = None,
    waypoint: Annotated[
        list[str] | None, typer.Option(metavar="JSON", help=f"A waypoint that is asked for by more, such as {IMAGE}; after the seeds.")
    ] = None,
    frames: Annotated[int, typer.Option(help="Frames that lead from each waypoint to the next.")] = 24,
    easing: Annotated[str, typer.Option(help="linear, ease, ease-in, ease-out or ease-in-out, as in CSS.")] = "linear",
    loop: Annotated[bool, typer.Option("--loop", help="Lead back to the first.")] = False,
    space: Annotated[str | None, typer.Option(help="z, or w where there is one. [default: w where there is one]")] = None,
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 24,
    truncation_psi: Psi = None,
    as_json: Json = False,
) -> None:
    """Walk from image to image, with no server."""
    from atelier.api.interpolations import InterpolationIn, Walk, opened
    from atelier.errors import Invalid
    from atelier.serving.animation import ANIMATIONS, animate
    from atelier.serving.images import encode, grid

    format = out.suffix.removeprefix(".").lower()
    if format and format not in (*ANIMATIONS, "png"):
        raise Invalid.at("/out", f"{out.name}: end its name in {', '.join(f'.{one}' for one in ANIMATIONS)} or .png, or name a folder")
    body = {
        "waypoints": [*({"seed": one} for one in seed or []), *(_image("--waypoint", text) for text in waypoint or [])],
        "frames": frames,
        "easing": easing,
        "loop": loop,
        "space": space,
        "fps": fps,
        "truncation_psi": truncation_psi,
    }
    drawable = published_drawable(model)
    walk = Walk(InterpolationIn.model_validate(body), drawable)
    rows = dict(walk.frames)
    drawn = dict(zip(rows, draw(Settings(), drawable, list(rows.values())), strict=True))
    pngs = [drawn[image] for image, _ in walk.frames]
    if not format:
        out.mkdir(parents=True, exist_ok=True)
        for index, png in enumerate(pngs):
            (out / f"{index:04}.png").write_bytes(png)
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        images, told = opened(pngs), walk.parameters
        content = encode(grid(images), told) if format == "png" else animate(images, format, fps=fps, parameters=told)  # type: ignore[arg-type]
        out.write_bytes(content)
    _tell(out, walk.parameters, as_json)


def mix(
    model: Model,
    out: Annotated[Path, typer.Option(help="The picture's file: .png, .webp or .jpeg.")],
    row: Annotated[list[int], typer.Option(min=0, help="Seed of a row, which gives it the coarse styles; repeatable.")],
    column: Annotated[list[int], typer.Option(min=0, help="Seed of a column, which gives it the styles of the layers; repeatable.")],
    layer: Annotated[
        list[str] | None, typer.Option(help="coarse, middle, fine or a number; repeatable. [default: middle and fine]")
    ] = None,
    truncation_psi: Psi = None,
    as_json: Json = False,
) -> None:
    """Mix styles: a grid of images with the coarse styles of their row and the fine ones of their column, with no server."""
    from atelier.api.style_mixing import Grid, StyleMixingIn, figure
    from atelier.errors import Invalid
    from atelier.serving.images import MEDIA_TYPES

    format = out.suffix.removeprefix(".").lower().replace("jpg", "jpeg")
    if format not in MEDIA_TYPES:
        raise Invalid.at("/out", f"{out.name}: end its name in {', '.join(f'.{one}' for one in MEDIA_TYPES)}")
    layers = {} if layer is None else {"layers": [int(one) if one.isdecimal() else one for one in layer]}
    drawable = published_drawable(model)
    grid = Grid(StyleMixingIn.model_validate({"rows": row, "columns": column, "truncation_psi": truncation_psi, **layers}), drawable)
    rows = dict(grid.every)
    drawn = dict(zip(rows, draw(Settings(), drawable, list(rows.values())), strict=True))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(figure(*grid.files(drawn), grid.parameters, format))
    _tell(out, grid.parameters, as_json)


def _image(option: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no JSON, such as {IMAGE}", param_hint=option) from error


def _tell(out: Path, parameters: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"file": str(out), "parameters": parameters})
    else:
        print(out)
