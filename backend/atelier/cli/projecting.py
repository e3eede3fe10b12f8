"""`atelier project`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from atelier.cli.common import Json, follow, open_database, pairs, say
from atelier.settings import Settings


def project(
    model: Annotated[str, typer.Argument(metavar="MODEL[@N]", help="A model, and which of its versions; the latest without @N.")],
    picture: Annotated[Path, typer.Argument(help="A picture: its square in the middle is looked for.")],
    out: Annotated[Path, typer.Option(help="File of what the latent draws, by its ending PNG, JPEG or WebP.")],
    latent: Annotated[Path | None, typer.Option(help="File of the latent itself, in safetensors.")] = None,
    prompt: Annotated[str | None, typer.Option(help="What the picture shows, for versions that draw from text.")] = None,
    class_: Annotated[str | None, typer.Option("--class", help="Its class, for versions that draw by classes: a name or a number.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="An attribute of it; repeatable.")] = None,
    steps: Annotated[int, typer.Option(help="Steps of the search; 0 takes what it begins with.")] = 200,
    seed: Annotated[int, typer.Option(help="Same seed, same machine: same latent.")] = 0,
    as_json: Json = False,
) -> None:
    """Find the latent from which a version draws a picture, as nearly as it can, with no server."""
    from PIL import Image

    from atelier.errors import Invalid
    from atelier.jobs.pictures import take_in
    from atelier.jobs.projections import submit_projection
    from atelier.jobs.specs import ProjectRequest
    from atelier.registry.store import Store
    from atelier.registry.tables import Job

    if out.suffix.lower() not in Image.registered_extensions():
        raise Invalid.at("/out", f"{out.name}: end its name in .png, .jpg or .webp")
    for option, file in (("out", out), ("latent", latent)):
        if file is not None and not file.parent.is_dir():
            raise Invalid.at(f"/{option}", f"there is no folder {file.parent}")
    settings = Settings()
    store = Store(settings.store_dir)
    name, _, number = model.partition("@")
    asked: dict[str, Any] = {"model": name, "version": number or "latest", "prompt": prompt, "steps": steps, "seed": seed}
    asked["picture"] = take_in(store, picture, pointer="/picture", name=picture.name)
    if class_ is not None:
        asked |= {"class_index": int(class_)} if class_.isdigit() else {"class_weights": {class_: 1.0}}
    if attribute:
        asked["attributes"] = pairs("--attribute", attribute)
    database = open_database()
    with database.write() as session:
        job = submit_projection(session, ProjectRequest.model_validate(asked), store)
    try:
        follow(settings, job, as_json)
    finally:
        with database.read() as session:
            row = session.get_one(Job, job.id)
        database.dispose()
        over = row.status == "succeeded"
        shown = store.result(row.id) if over else store.preview(row.id, row.preview_step or 0)
        if shown.exists():
            if out.suffix.lower() == ".png":
                out.write_bytes(shown.read_bytes())  # with its parameters
            else:
                Image.open(shown).save(out)
            how = f", {row.spec['psnr']:.1f} dB, latent {row.id}" if over else f", as it was at step {row.preview_step}"
            say.print(f"{out}{how}", markup=False)
        if latent is not None and over:
            latent.write_bytes(store.projection(row.id).read_bytes())
