"""`atelier images`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from atelier.cli.common import Json, open_database, print_json, print_table, say
from atelier.settings import Settings

images = typer.Typer(help="Images that were drawn, and how.", no_args_is_help=True)


@images.command("list")
def list_images(
    words: Annotated[list[str] | None, typer.Argument(help="Words that all stand in prompt, classes, attributes, model or note.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model's.")] = None,
    favourites: Annotated[bool, typer.Option("--favourites", help="Only favourites.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    as_json: Json = False,
) -> None:
    """The images that the server keeps, the last drawn first."""
    from atelier.registry import queries
    from atelier.registry.store import Store
    from atelier.serving.images import path_of

    store, database = Store(Settings().store_dir), open_database()
    statement = queries.history(
        model=model, favourite=True if favourites else None, words=" ".join(words or ()).casefold().split(), limit=limit
    )
    with database.read() as session:
        rows = session.scalars(statement).all()
    database.dispose()
    if as_json:
        print_json([{**_facts(row), "file": str(path_of(store.images, row.id)), "parameters": row.parameters} for row in rows])
    else:
        print_table([_facts(row) for row in rows])


@images.command("show")
def show_image(image: Annotated[str, typer.Argument(help="An image's id, or the file of a picture that Atelier drew.")]) -> None:
    """How an image was drawn, as JSON: what stands in its file."""
    from atelier.datasets.pictures import examine
    from atelier.errors import NotFound
    from atelier.registry.store import Store
    from atelier.serving.history import ID
    from atelier.serving.images import path_of, read_parameters

    path = path_of(Store(Settings().store_dir).images, image) if ID.fullmatch(image) else Path(image)
    if not path.is_file():
        raise NotFound(f"There is no image and no file {image}.")
    with examine(path) as picture:
        parameters = read_parameters(picture)
    if parameters is None:
        raise ValueError(f"nothing in {image} says how it was drawn: it does not come from Atelier, or somebody has saved it anew")
    print_json(parameters)


@images.command("prune")
def prune_images(
    keep: Annotated[
        int | None, typer.Option(min=0, help="How many to keep beside favourites. [default: ATELIER_HISTORY_IMAGES, ATELIER_HISTORY_BYTES]")
    ] = None,
) -> None:
    """Delete the images that were not drawn for the longest time; the server does so by itself, down to what the settings say."""
    from atelier.registry.store import Store
    from atelier.serving.history import mend, prune

    settings = Settings()
    store, database = Store(settings.store_dir), open_database()
    mend(database, store)
    most = settings.history_images if keep is None else keep
    count = prune(database, store, most_images=most, most_bytes=settings.history_bytes)
    database.dispose()
    say.print(f"{count} images are deleted.")


def _facts(row: Any) -> dict[str, Any]:
    """Of an image, in a line."""
    wishes = {name: value for name, value in row.parameters.items() if name not in ("model", "version", "seed")}
    told = json.dumps(wishes, ensure_ascii=False) if wishes else ""
    return {
        "id": row.id,
        "version": f"{row.model}@{row.version}",
        "seed": row.seed,
        "drawn": row.drawn_at.isoformat(timespec="seconds"),
        "favourite": "yes" if row.favourite else "",
        "wishes": told if len(told) <= 60 else f"{told[:59]}…",
        "note": row.note,
    }
