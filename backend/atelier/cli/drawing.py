"""`atelier generate`."""

import random
from pathlib import Path
from typing import Annotated

import typer

from atelier.cli.common import Json, print_json, say
from atelier.settings import Settings


def generate(
    model: Annotated[str, typer.Argument(metavar="MODEL[@N]", help="A model, and which of its versions; the latest without @N.")],
    count: Annotated[int, typer.Option(min=1, max=256, help="How many images to draw.")] = 1,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the first image, the next has the next; random without one.")] = None,
    out: Annotated[Path | None, typer.Option(help="A file: one picture, a grid of several. A folder: one file an image.")] = None,
    as_json: Json = False,
) -> None:
    """Draw images from a published version, with no server; the same seed gives the same image."""
    import asyncio
    from io import BytesIO

    from PIL import Image

    from atelier.errors import NotFound
    from atelier.registry import queries
    from atelier.registry.database import Database, migrate
    from atelier.registry.store import Store
    from atelier.serving import images
    from atelier.serving.engine import Engine, Weights

    settings = Settings()
    name, _, number = model.partition("@")
    migrate(settings.resolved_database_url)
    database = Database(settings.resolved_database_url)
    with database.read() as session:
        version = session.scalar(queries.version(name, int(number) if number.isdigit() else None))
    database.dispose()
    if version is None or (number and not number.isdigit() and number != "latest"):
        raise NotFound(f"There is no version {model}.")

    first = random.randrange(2**32) if seed is None else seed
    rows = [{"model": name, "version": version.number, "seed": first + index} for index in range(count)]
    weights = Weights(Store(settings.store_dir).version(name, version.number), version.digest)

    async def draw() -> list[bytes]:
        async with Engine(settings.device) as engine:
            return await engine.draw(weights, rows)

    with say.status(f"Drawing from {name}@{version.number} …"):
        pngs = asyncio.run(draw())
    out = out or Path(f"{name}-v{version.number}-{first}.png")
    if out.suffix == ".png":
        sheet = images.grid([Image.open(BytesIO(png)) for png in pngs])
        files = {out: pngs[0] if count == 1 else images.encode(sheet, {"items": rows})}
    else:
        files = {out / f"{name}-v{version.number}-{row['seed']}.png": png for row, png in zip(rows, pngs, strict=True)}
    for file, png in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png)
    if as_json:
        print_json({"files": [str(file) for file in files], "items": rows})
    else:
        print("\n".join(map(str, files)))
