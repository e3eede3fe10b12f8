"""`atelier stylize`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from atelier.cli.common import Json, follow, open_database, pairs, say
from atelier.settings import Settings


def stylize(
    content: Annotated[Path, typer.Argument(help="A picture: what is shown.")],
    style: Annotated[list[str], typer.Argument(help="Pictures, or names of built-in styles: how; several are blended.")],
    out: Annotated[Path, typer.Option(help="File of the result, by its ending PNG, JPEG or WebP.")],
    weight: Annotated[list[float] | None, typer.Option(help="Weight of each style, in their order; repeatable.")] = None,
    mask: Annotated[
        list[Path] | None, typer.Option(help="For each style, in their order, a picture that is white where it is wanted; repeatable.")
    ] = None,
    method: Annotated[str, typer.Option(help="pyramid, gatys or adain.")] = "pyramid",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A hyper-parameter; repeatable.")] = None,
    as_json: Json = False,
) -> None:
    """Draw a picture in the style of others, with no server; Ctrl+C cancels, and what there is by then is kept."""
    from PIL import Image

    from atelier.errors import Invalid
    from atelier.jobs.pictures import take_in
    from atelier.jobs.queue import submit_stylization
    from atelier.jobs.specs import StylizeRequest
    from atelier.registry.store import Store
    from atelier.registry.tables import Job
    from atelier.styletransfer.gallery import styles as builtin

    if out.suffix.lower() not in Image.registered_extensions():
        raise Invalid.at("/out", f"{out.name}: end its name in .png, .jpg or .webp")
    if not out.parent.is_dir():
        raise Invalid.at("/out", f"there is no folder {out.parent}")
    for option, given in (("weight", weight), ("mask", mask)):
        if given is not None and len(given) != len(style):
            raise Invalid.at(f"/{option}", f"there are {len(given)} for {len(style)} styles; give one for each, or none")
    settings = Settings()
    store = Store(settings.store_dir)

    def keep(path: Path, pointer: str) -> str:
        return take_in(store, path, pointer=pointer, name=path.name)

    asked: dict[str, Any] = {"method": method, "content": keep(content, "/content"), "hyperparameters": pairs("--set", set_)}
    asked["styles"] = [
        {
            "picture": one if one in builtin and not Path(one).exists() else keep(Path(one), "/style"),
            **({} if weight is None else {"weight": weight[index]}),
            **({} if mask is None else {"mask": keep(mask[index], "/mask")}),
        }
        for index, one in enumerate(style)
    ]
    database = open_database()
    with database.write() as session:
        job = submit_stylization(session, StylizeRequest.model_validate(asked), store)
    try:
        follow(settings, job, as_json)
    finally:
        with database.read() as session:
            row = session.get_one(Job, job.id)
        database.dispose()
        shown = store.result(row.id) if row.status == "succeeded" else store.preview(row.id, row.preview_step or 0)
        if shown.exists():
            if out.suffix.lower() == ".png":
                out.write_bytes(shown.read_bytes())  # with its parameters
            else:
                Image.open(shown).save(out)
            say.print(f"{out}" if row.status == "succeeded" else f"{out}, as it was at step {row.preview_step}", markup=False)
