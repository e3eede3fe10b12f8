"""What the commands share: what they print, the store they open, and the watching of a job."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from atelier.settings import Settings

say = Console(stderr=True, highlight=False)  # what people read; standard output carries results

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        say.print("There are none yet.")
        return
    table = Table(box=None)
    for name in rows[0]:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


def open_catalog() -> tuple[Any, Any]:
    """The data sets there are, and the store that they are in."""
    from atelier.datasets.catalog import Catalog
    from atelier.registry.store import Store

    store = Store(Settings().store_dir)
    return Catalog(store.sources), store


def open_database() -> Any:
    """Brought up to date, with the starter versions in it."""
    from atelier.registry.database import Database, migrate
    from atelier.registry.starters import adopt
    from atelier.registry.store import Store

    settings = Settings()
    url = settings.resolved_database_url
    migrate(url)
    database = Database(url)
    with database.write() as session:
        adopt(session, Store(settings.store_dir))
    return database


def pairs(option: str, given: list[str] | None) -> dict[str, Any]:
    """{"steps": 100} from ["steps=100"]: values are JSON where they can be read as JSON, else text."""
    values: dict[str, Any] = {}
    for pair in given or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint=option)
        try:
            values[key] = json.loads(value)
        except json.JSONDecodeError:
            values[key] = value
    return values


def follow(settings: Settings, job: Any, as_json: bool) -> None:
    """Run a queued job here, show its progress, and exit as it ended."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from atelier.jobs.local_run import run_job
    from atelier.registry import queries
    from atelier.registry.tables import RESUMABLE

    database = open_database()
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[state]}")]
    with Progress(*columns, console=say) as progress:
        bar = progress.add_task(job.status, total=job.total_steps, state="")
        last, losses, restarts = 0, "", job.restarts
        for job in run_job(settings, job.id):  # noqa: B020  the same job, as it is by now
            with database.read() as session:
                for event in session.scalars(queries.events_after(last, job_ids=[job.id])):
                    last = event.id
                    if event.type == "metrics":
                        values = event.data["values"].items()
                        losses = "  ".join(f"{name.removesuffix('/loss')} {value:.3f}" for name, value in values if name.endswith("/loss"))
            if job.restarts > restarts:
                where = "from its last checkpoint" if job.kind in RESUMABLE else "again from the start"
                progress.print(f"{job.error or 'Its process ended'}. It goes on {where}.", markup=False)
                restarts = job.restarts
            eta = "" if not job.eta_seconds else f"{job.eta_seconds:.0f} s left"
            unit = "steps/s" if job.kind in ("stylize", "project") else "img/s"
            speed = "" if job.images_per_second is None else f"{job.images_per_second:.0f} {unit}"
            description = "cancelling" if job.cancel_requested else "pausing" if job.pause_requested else job.status
            if job.status not in ("starting", "running"):
                description = job.status
            stage = job.stage if job.kind != "train" and job.status == "running" else ""
            state = "  ".join(filter(None, (stage, eta, speed, losses)))
            progress.update(bar, description=description, completed=job.step, total=job.total_steps or None, state=state)
    database.dispose()

    if as_json:
        print_json(job.snapshot())
    elif job.version is not None:
        print(f"{job.model}@{job.version.number}")
    elif job.kind == "prepare" and job.status == "succeeded":
        print(job.dataset)
    elif job.kind == "evaluate":
        from atelier.cli.evaluating import print_scores

        print_scores(job)
    elif job.kind == "discover" and job.status == "succeeded":
        _print_found(settings, job)
    if job.status == "failed":
        say.print(f"Failed: {job.error}\nThe log: {settings.store_dir / 'logs' / (job.log or '')}", markup=False, soft_wrap=True)
    if job.status in ("paused", "interrupted"):
        say.print(f"It is {job.status} at step {job.step}. {job.error or ''}".rstrip(), markup=False, soft_wrap=True)
        if job.kind == "train":
            say.print(f"atelier runs resume {job.id} goes on from there.")
    sys.exit({"succeeded": 0, "cancelled": 130}.get(job.status, 1))


def _print_found(settings: Settings, job: Any) -> None:
    """What the discovery has found."""
    from atelier.models.artifact import Manifest
    from atelier.registry import queries
    from atelier.registry.store import Store
    from atelier.steering import directions
    from atelier.steering.classifier import read_description

    with open_database().read() as session:
        version = session.scalar(queries.version(job.model, job.spec["version"]))
    store = Store(settings.store_dir)
    description = read_description(store.classifier(Manifest.model_validate(version.manifest).dataset.fingerprint))
    if description is not None and "classifier" in job.spec["methods"]:
        told = [(dial.name, "not known" if dial.accuracy is None else f"{dial.accuracy:.1%}") for dial in description.dials]
        print_table([{"dial": name, "told right": share} for name, share in told])
    found = directions.read_description(store.directions(version.digest))
    rows = [facts for facts in (found.directions if found else []) if facts.method in job.spec["methods"] and not facts.hidden]
    if rows:
        print_table([{"direction": one.id, "name": one.name, "of": one.space, "changes an image by": f"{one.change:.1%}"} for one in rows])
