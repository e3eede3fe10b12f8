"""`atelier generate`."""

import random
from pathlib import Path
from typing import Annotated, Any

import typer

from atelier.cli.common import Json, open_database, print_json, say
from atelier.settings import Settings


def generate(
    model: Annotated[str, typer.Argument(metavar="MODEL[@N]", help="A model, and which of its versions; the latest without @N.")],
    count: Annotated[int, typer.Option(min=1, max=256, help="How many images to draw.")] = 1,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the first image, the next has the next; random without one.")] = None,
    class_: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME[=WEIGHT]", help="What to draw; several are mixed, in equal parts without weights."),
    ] = None,
    no_class: Annotated[bool, typer.Option("--no-class", help="Draw of no class in particular.")] = False,
    attribute: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Intensity of an attribute: 0 no, 1 yes, -3 to 3; repeatable.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="What to see, in words.")] = None,
    negative_prompt: Annotated[str | None, typer.Option(help="What to keep away from.")] = None,
    truncation_psi: Annotated[float | None, typer.Option(help="Distance from the mean style: 0 none, 1 all of the variety.")] = None,
    truncation_cutoff: Annotated[int | None, typer.Option(help="How many layers, from the coarsest on, that holds for.")] = None,
    noise_mode: Annotated[str | None, typer.Option(help="Fine detail: random (each image's own), const or none.")] = None,
    dial: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=CHANCE", help="Turn until this is seen by that chance, 0 to 1; repeatable. `atelier discover` finds names."
        ),
    ] = None,
    direction: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=AMOUNT", help="Move along a direction, -3 to 3; repeatable. `atelier discover` finds them."),
    ] = None,
    latent: Annotated[
        str | None,
        typer.Option(metavar="NUMBER|FILE", help="Draw from a projection's latent, or from z in a JSON file."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A file: one picture, a grid of several. A folder: one file an image.")] = None,
    as_json: Json = False,
) -> None:
    """Draw images from a published version, with no server; the same seed gives the same image."""
    from io import BytesIO

    from PIL import Image

    from atelier.serving import images
    from atelier.serving.requests import Wishes, resolve

    wishes = {
        "prompt": prompt,
        "negative_prompt": negative_prompt,
        "class_weights": {} if no_class else _classes(class_),
        "attributes": _pairs("--attribute", attribute),
        "truncation_psi": truncation_psi,
        "truncation_cutoff": truncation_cutoff,
        "noise_mode": noise_mode,
        "dial": _pairs("--dial", dial),
        "directions": _pairs("--direction", direction),
        "latent": None if latent is None else _latent(latent),
    }
    settings = Settings()
    drawable = published_drawable(model)
    name, number = drawable.model, drawable.number
    request = resolve(Wishes.model_validate(wishes), drawable.can)
    first = seed if seed is not None else 0 if latent is not None else random.randrange(2**32)
    rows = [request.row(first + index, **drawable.of_version) for index in range(count)]
    parameters = [row["parameters"] for row in rows]

    pngs = draw(settings, drawable, rows)
    out = out or Path(f"{name}-v{number}-{first}.png")
    if out.suffix == ".png":
        sheet = images.grid([Image.open(BytesIO(png)) for png in pngs])
        files = {out: pngs[0] if count == 1 else images.encode(sheet, {"items": parameters})}
    else:
        files = {out / f"{name}-v{number}-{row['seed']}.png": png for row, png in zip(rows, pngs, strict=True)}
    for file, png in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png)
    if as_json:
        print_json({"files": [str(file) for file in files], "items": parameters})
    else:
        print("\n".join(map(str, files)))


def draw(settings: Settings, drawable: Any, rows: list[Any]) -> list[bytes]:
    """PNGs of rows, by an inference process of their own."""
    import asyncio

    from atelier.serving.engine import MAX_WAITING, Engine

    async def drawn() -> list[bytes]:
        async with Engine(settings.device, threads=settings.draw_threads) as engine:
            parts = [rows[start : start + MAX_WAITING] for start in range(0, len(rows), MAX_WAITING)]
            return [png for part in parts for png in await engine.draw(drawable.weights, part)]

    with say.status(f"Drawing from {drawable.name} …"):
        return asyncio.run(drawn())


def published_drawable(model: str) -> Any:
    """MODEL[@N], as what draws it sees it."""
    from atelier.api.drawables import Drawable
    from atelier.models.artifact import Manifest
    from atelier.registry.store import Store
    from atelier.serving.graphs import by_graph
    from atelier.serving.requests import abilities
    from atelier.serving.waiting import Weights

    version = published_version(model)
    name, number, store = version.model.name, version.number, Store(Settings().store_dir)
    can = abilities(f"{name}@{number}", Manifest.model_validate(version.manifest), store, version.digest)
    weights = by_graph(Weights(store.version(name, number), version.digest))
    return Drawable(name, number, weights, can, ())


def published_version(model: str) -> Any:
    """The row of MODEL[@N]."""
    from atelier.errors import NotFound
    from atelier.registry import queries
    from atelier.registry.naming import parse

    database = open_database()
    with database.read() as session:
        version = session.scalar(queries.version(*parse(model)))
    database.dispose()
    if version is None:
        raise NotFound(f"There is no version {model}.")
    return version


def _classes(texts: list[str] | None) -> dict[str, float] | None:
    """{"cat": 0.7, "dog": 0.3} from ["cat=0.7", "dog=0.3"]; ["cat", "dog"] are halves."""
    if texts is None:
        return None
    if any(_weight(text) is not None for text in texts):
        return dict(_pair("--class", text) for text in texts)
    return dict.fromkeys(texts, 1 / len(texts))


def _latent(text: str) -> Any:
    """A projection's number, or what a file holds."""
    import json

    try:
        return int(text) if text.isdecimal() else json.loads(Path(text).read_text())
    except (OSError, ValueError) as error:
        raise typer.BadParameter(
            f"{text} is neither a projection's number nor a file with a list of numbers", param_hint="--latent"
        ) from error


def _pairs(option: str, texts: list[str] | None) -> dict[str, float] | None:
    return None if texts is None else dict(_pair(option, text) for text in texts)


def _pair(option: str, text: str) -> tuple[str, float]:
    value = _weight(text)
    if value is None:
        raise typer.BadParameter(f"{text!r} is not NAME=NUMBER", param_hint=option)
    return text.rpartition("=")[0], value


def _weight(text: str) -> float | None:
    """The number at the end of "cat=0.7"; a name may have an equals sign of its own."""
    name, _, number = text.rpartition("=")
    try:
        return float(number) if name else None
    except ValueError:
        return None
