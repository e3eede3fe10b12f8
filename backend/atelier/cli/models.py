"""`atelier models`."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from atelier.cli.common import Json, open_database, pairs, print_json, print_table, say
from atelier.cli.exporting import export
from atelier.settings import Settings

models = typer.Typer(help="Models and their versions: notes, aliases, deletion and restoring.", no_args_is_help=True)

Named = Annotated[str, typer.Argument(metavar="MODEL[@N]", help="A model, or one of its versions: cats@3, cats@production.")]


@models.command("list")
def list_models(
    words: Annotated[
        list[str] | None, typer.Argument(help="Words that all stand in names, notes, aliases, architecture or data set.")
    ] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="What lies in the bin.")] = False,
    as_json: Json = False,
) -> None:
    """All versions, the newest first."""
    from atelier.registry import queries
    from atelier.registry.tables import Version

    database = open_database()
    wanted = queries.all_versions(words=" ".join(words or ()).casefold().split())
    statement = queries.binned() if deleted else wanted.order_by(Version.id.desc())
    with database.read() as session:
        versions = session.scalars(statement).all()
        named: dict[int, list[str]] = {}
        for alias in session.scalars(queries.current_aliases()):
            named.setdefault(alias.version_id, []).append(alias.name)
    database.dispose()
    rows = [_row(version, named.get(version.id, [])) for version in versions]
    print_json(rows) if as_json else print_table(rows)


def _row(version: Any, aliases: list[str]) -> dict[str, Any]:
    return {
        "version": version.name,
        "architecture": version.architecture,
        "data set": version.dataset,
        "aliases": ", ".join(aliases),
        "created": version.created_at.isoformat(timespec="seconds"),
        **({"deleted": version.deleted_at.isoformat(timespec="seconds")} if version.deleted_at else {}),
        "note": version.note,
    }


@models.command("show")
def show(model: Named) -> None:
    """All that is known about a version, as JSON."""
    from atelier.cli.drawing import published_version
    from atelier.registry import queries

    version = published_version(model)
    database = open_database()
    with database.read() as session:
        terms = session.scalars(queries.aliases(version.model.name)).all()
        scores = session.scalars(queries.scores_of([version.id])).all()
    database.dispose()
    print_json(
        {
            "version": version.name,
            "note": version.note,
            "aliases": [alias.name for alias in terms if alias.version_id == version.id and alias.until is None],
            "digest": version.digest,
            "job": version.job_id,
            "scores": [{"metric": score.metric, "network": score.network, "value": score.value, "error": score.error} for score in scores],
            "manifest": version.manifest,
        }
    )


models.command("export")(export)


@models.command("note")
def note(model: Named, text: Annotated[str, typer.Argument(help="The note; an empty one takes it away.")]) -> None:
    """Note something about a version, or about a model when no version is named."""
    database = open_database()
    with database.write() as session:
        version = _version(session, model)
        noted = version if "@" in model else version.model
        noted.note = text.strip() or None
    database.dispose()


@models.command("alias")
def alias(
    model: Named,
    name: Annotated[str, typer.Argument(help="The alias, such as production.")],
    take: Annotated[bool, typer.Option("--take", help="Let no version of the model have it any more.")] = False,
) -> None:
    """Give a version an alias; the version of the same model that had it loses it."""
    from atelier.registry import aliases
    from atelier.registry.naming import check_alias

    check_alias(name)
    database = open_database()
    with database.write() as session:
        version = _version(session, model)
        if take:
            aliases.take(session, version.model.name, name)
        else:
            aliases.give(session, version, name)
    database.dispose()
    if not take:
        print(version.name)


@models.command("delete")
def delete(model: Named) -> None:
    """Put a version into the bin, or all of a model when no version is named."""
    from atelier.registry import bin, queries
    from atelier.registry.store import Store

    settings = Settings()
    store, database = Store(settings.store_dir), open_database()
    with database.write() as session:
        version = _version(session, model)
        versions = [version] if "@" in model else session.scalars(queries.versions(model)).all()
        bin.discard(session, versions)
        bin.purge(session, older_than=timedelta(days=settings.trash_days))
    bin.noticed(store, versions)
    with database.read() as session:
        bin.sweep(session, store)
    database.dispose()
    for version in versions:
        print(version.name)
    if settings.trash_days:
        say.print(f"In the bin for {settings.trash_days:g} days: atelier models restore {model} brings it back.")


@models.command("restore")
def restore(model: Named) -> None:
    """Bring a version back from the bin, or what was deleted last of a model when no version is named."""
    from atelier.errors import NotFound
    from atelier.registry import bin, queries
    from atelier.registry.naming import parse
    from atelier.registry.tables import Version

    name, number = parse(model)
    database = open_database()
    with database.write() as session:
        if "@" in model:
            found = session.scalars(queries.binned(name).where(Version.number == number)).all()
        else:
            found = bin.last_deleted(session, name)
        if not found:
            raise NotFound(f"Nothing of {model} lies in the bin.")
        bin.restore(found)
    database.dispose()
    for version in found:
        print(version.name)


@models.command("empty-bin")
def empty_bin() -> None:
    """Delete all that lies in the bin for good."""
    from atelier.registry import bin
    from atelier.registry.store import Store

    store, database = Store(Settings().store_dir), open_database()
    with database.write() as session:
        versions = bin.purge(session)
    with database.read() as session:
        bin.sweep(session, store)
    database.dispose()
    for version in versions:
        print(version.name)


def _version(session: Any, model: str) -> Any:
    from atelier.errors import NotFound
    from atelier.registry import queries
    from atelier.registry.naming import parse

    version = session.scalar(queries.version(*parse(model)))
    if version is None:
        raise NotFound(f"There is no version {model}.")
    return version


@models.command("import")
def import_version(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A version's zip, safetensors, or a state dict that torch saved.")],
    model: Annotated[str, typer.Option(help="The model that gets the version.")],
    manifest: Annotated[Path | None, typer.Option(help="For safetensors: the version's manifest.json.")] = None,
    architecture: Annotated[str | None, typer.Option(help="For a state dict: its architecture.")] = None,
    chosen: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A hyper-parameter of it; repeatable.")] = None,
    channels: Annotated[int, typer.Option(min=1, max=3, help="1 for grey pictures, 3 for colour.")] = 3,
    class_: Annotated[list[str] | None, typer.Option("--class", help="A class that it draws, in their order; repeatable.")] = None,
    attribute: Annotated[list[str] | None, typer.Option(help="An attribute that it draws, in their order; repeatable.")] = None,
    dataset: Annotated[str, typer.Option(help="What it was trained on, in a word.")] = "unknown",
) -> None:
    """Bring a version that was downloaded elsewhere, or weights that something else has saved; with no server."""
    import asyncio
    import secrets
    import shutil

    from pydantic import TypeAdapter

    from atelier.errors import NotFound
    from atelier.jobs.specs import ModelName
    from atelier.registry import queries
    from atelier.registry.store import Store, digest_of
    from atelier.registry.tables import Version
    from atelier.serving import intake

    TypeAdapter(ModelName).validate_python(model)
    for path in (file, manifest):
        if path is not None and not path.is_file():
            raise NotFound(f"There is no file {path}.")
    description = None
    if architecture is not None:
        description = {
            "architecture": architecture,
            "hyperparameters": pairs("--set", chosen),
            "channels": channels,
            "class_names": class_ or [],
            "attribute_names": attribute or [],
            "dataset": dataset,
        }
    store, database = Store(Settings().store_dir), open_database()
    folder = store.uploads / f"{secrets.token_hex(16)}.version"
    folder.mkdir()
    try:
        text = None if manifest is None else manifest.read_text()
        with say.status(f"Examining {file.name} …"):
            told = asyncio.run(intake.examine(file.resolve(), folder, manifest=text, description=description))
        digest = digest_of(folder)
        with database.write() as session:
            version = session.scalar(queries.all_versions().where(Version.digest == digest).limit(1))
            if version is None:
                version = store.publish(session, folder, None, model, told)
            else:
                say.print(f"It is here already, as {version.name}.")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        database.dispose()
    print(version.name)
