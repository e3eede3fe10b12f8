"""`atelier datasets`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from atelier.cli.common import Json, follow, open_catalog, open_database, print_json, print_table, say
from atelier.settings import Settings

datasets = typer.Typer(help="Pictures to train on.", no_args_is_help=True)


@datasets.command("list")
def list_datasets(as_json: Json = False) -> None:
    """The data sets there are."""
    catalog, _ = open_catalog()
    rows = []
    for name in catalog.names():
        dataset = catalog.open(name, {})
        rows.append({"name": name, "images": len(dataset), "classes": len(dataset.class_names), "licence": dataset.licence})
    if as_json:
        print_json(rows)
    else:
        print_table(rows)


@datasets.command("add")
def add_dataset(
    source: Annotated[str, typer.Argument(help="A zip file, a folder (read where it lies, and left there), or the name of a download.")],
    name: Annotated[str | None, typer.Option(help="What to call it; after the file or the folder, without it.")] = None,
    title: Annotated[str, typer.Option(help="What people read.")] = "",
    layout: Annotated[str | None, typer.Option(help="How the files lie; found out, without it.")] = None,
    resolution: Annotated[int, typer.Option(help="Height and width to prepare the pictures at now.")] = 64,
    mirror: Annotated[bool, typer.Option(help="Whether a picture seen in a mirror is as true as itself.")] = True,
    as_json: Json = False,
) -> None:
    """Make a data set of pictures, with no server; Ctrl+C cancels. Downloads: cifar10, mnist, fashion-mnist, flowers102, celeba."""
    import re
    import secrets

    from atelier.datasets import archive
    from atelier.datasets.downloads import downloads
    from atelier.jobs.queue import submit_preparation
    from atelier.jobs.specs import PrepareRequest

    settings = Settings()
    catalog, store = open_catalog()
    path = Path(source).expanduser()
    given: dict[str, Any]
    link: Path | None = None
    if path.is_dir():
        given = {"folder": str(path.resolve())}
    elif path.is_file():
        archive.check(path, archive.Limits())
        link = store.uploads / f"{secrets.token_hex(16)}.zip"
        given = {"upload": link.name, "file_name": path.name}
    elif source in downloads:
        given = {"download": source}
    else:
        raise ValueError(f"{source!r} is no file, no folder, and not one of the downloads {', '.join(downloads)}")
    if name is None:
        stem = path.resolve().name.lower().removesuffix(".zip")
        name = re.sub(r"[^a-z0-9._-]+", "-", stem).strip("-._")[:64]
    request = PrepareRequest.model_validate(
        {**given, "name": name, "title": title, "layout": layout, "resolution": resolution, "mirrorable": mirror}
    )
    with open_database().write() as session:
        job = submit_preparation(session, request, catalog)
        if link is not None:
            link.symlink_to(path.resolve())  # the job deletes what it finds there when it has ended
    follow(settings, job, as_json)


@datasets.command("show")
def show_dataset(
    name: Annotated[str, typer.Argument(help="Name of the data set.")],
    skipped: Annotated[bool, typer.Option("--skipped", help="Name every file that was skipped, not only the first twenty.")] = False,
    as_json: Json = False,
) -> None:
    """What is in a data set: counts, classes, sizes, duplicates, and what was skipped and why."""
    from atelier.datasets.brought import Brought

    catalog, _ = open_catalog()
    dataset = catalog.open(name, {})
    facts: dict[str, Any] = {
        "name": dataset.name,
        "title": dataset.title,
        "summary": dataset.summary(),
        "licence": dataset.licence,
        "images": len(dataset),
        "channels": dataset.channels,
        "mirrorable": dataset.mirrorable,
        "classes": list(dataset.class_names),
        "attributes": list(dataset.attribute_names),
    }
    if isinstance(dataset, Brought):
        facts |= {"layout": dataset.manifest.layout, **dataset.report().model_dump(exclude={"num_images", "attributes"})}
        named = dataset.manifest.num_skipped if skipped or as_json else 20
        facts["skipped"] = [{"path": one.path, "reason": one.reason} for one in dataset.skipped(0, named)]
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        if key != "skipped" and value not in (None, [], {}):
            shown = value if not isinstance(value, list | dict) else json.dumps(value, ensure_ascii=False)
            print(f"{key.replace('_', ' ')}: {shown}")
    for one in facts.get("skipped", []):
        print(f"skipped {one['path']}: {one['reason']}")
    if (more := facts.get("num_skipped", 0) - len(facts.get("skipped", []))) > 0:
        print(f"… and {more} more; --skipped names all")


@datasets.command("remove")
def remove_dataset_(name: Annotated[str, typer.Argument(help="Name of the data set.")]) -> None:
    """Remove a data set that was added, and all that was prepared from it; a folder that it was read from stays."""
    from atelier.jobs.sources import delete_folders, remove_dataset

    _, store = open_catalog()
    with open_database().write() as session:
        folders = remove_dataset(session, store, name)
    delete_folders(folders)
    say.print(f"{name} is removed.")
