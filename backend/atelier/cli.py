"""The command `atelier`: the server, and what it does without one.

Commands import what they need when they run, so that `atelier --help` does not wait for torch.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from atelier.errors import AtelierError, Invalid
from atelier.settings import Settings

app = typer.Typer(help="A studio for generative image models.", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
datasets_app = typer.Typer(help="Pictures to train on.", no_args_is_help=True)
runs_app = typer.Typer(help="Training runs, of the server and of this command alike.", no_args_is_help=True)
app.add_typer(datasets_app, name="datasets")
app.add_typer(runs_app, name="runs")

say = Console(stderr=True, highlight=False)  # what people read; standard output carries results

SERVER_SECONDS = 2.0  # a server that has a place takes what is queued within one

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RunNumber = Annotated[int, typer.Argument(metavar="RUN", help="Number of the run.")]
Queue = Annotated[bool, typer.Option("--queue", help="Leave it in the queue for a server; without it, it runs here if no server takes it.")]


def main() -> None:
    """Exit codes: 0 done, 1 it failed, 2 the request was wrong, 130 cancelled."""
    try:
        app()
    except ValidationError as error:
        _complain(Invalid.of(error), variable_prefix="ATELIER_" if error.title == Settings.__name__ else "")
    except AtelierError as error:
        _complain(error)
    except ValueError as error:  # what a user can cause, by our convention
        _complain(Invalid(str(error)))
    except KeyboardInterrupt:
        sys.exit(130)


def _complain(error: AtelierError, variable_prefix: str = "") -> None:
    for complaint in error.extras.get("errors") or [{"pointer": "", "detail": error.detail}]:
        where = complaint["pointer"].strip("/").replace("/", ".")
        if variable_prefix:
            where = variable_prefix + where.upper()
        say.print(f"Error in {where}:" if where else "Error:", style="red", end=" ")
        say.print(complaint["detail"], markup=False, soft_wrap=True)
    sys.exit(2)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        from atelier import __version__

        print(__version__)
        raise typer.Exit


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: ATELIER_HOST, else 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one. [default: ATELIER_PORT, else 8000]")] = None,
) -> None:
    """Serve the page and the API; the database is brought up to date first."""
    from atelier import app as web

    chosen: dict[str, Any] = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    if not web.serve(Settings(**chosen)):
        sys.exit(1)


@app.command()
def train(
    architecture: Annotated[str, typer.Argument(help="dcgan, vae, …")],
    dataset: Annotated[str, typer.Option(help="Name of a data set; `atelier datasets list` shows them.")],
    model: Annotated[str, typer.Option(help="Name of the model that gets the new version.")],
    preset: Annotated[str, typer.Option(help="debug (seconds), quick (minutes on a CPU) or paper (a GPU).")] = "quick",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A hyper-parameter; repeatable.")] = None,
    data: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the data set; repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same machine: same weights.")] = 0,
    start_from: Annotated[str | None, typer.Option(metavar="MODEL[@N]", help="Begin with the weights of this version.")] = None,
    as_json: Json = False,
) -> None:
    """Train a generator and publish it as a version, with no server; Ctrl+C cancels."""
    from atelier.datasets.catalog import Catalog
    from atelier.jobs.queue import submit_training
    from atelier.jobs.specs import TrainRequest
    from atelier.registry.store import Store

    settings = Settings()
    request = TrainRequest(
        architecture=architecture,
        dataset=dataset,
        dataset_options=_pairs("--data", data),
        model=model,
        preset=preset,
        hyperparameters=_pairs("--set", set_),
        seed=seed,
        start_from=start_from,
    )
    with _database().write() as session:
        job = submit_training(session, request, Catalog(Store(settings.store_dir).sources))
    _follow(settings, job, as_json)


def _follow(settings: Settings, job: Any, as_json: bool) -> None:
    """Run a queued job here, show its progress, and exit as it ended."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from atelier.jobs.local_run import run_job
    from atelier.registry import queries

    database = _database()
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
                where = "from its last checkpoint" if job.kind == "train" else "again from the start"
                progress.print(f"{job.error or 'Its process ended'}. It goes on {where}.", markup=False)
                restarts = job.restarts
            eta = "" if not job.eta_seconds else f"{job.eta_seconds:.0f} s left"
            speed = "" if job.images_per_second is None else f"{job.images_per_second:.0f} img/s"
            description = "cancelling" if job.cancel_requested else "pausing" if job.pause_requested else job.status
            if job.status not in ("starting", "running"):
                description = job.status
            stage = job.stage if job.kind == "prepare" and job.status == "running" else ""
            state = "  ".join(filter(None, (stage, eta, speed, losses)))
            progress.update(bar, description=description, completed=job.step, total=job.total_steps or None, state=state)
    database.dispose()

    if as_json:
        _print_json(job.snapshot())
    elif job.version is not None:
        print(f"{job.model}@{job.version.number}")
    elif job.kind == "prepare" and job.status == "succeeded":
        print(job.dataset)
    if job.status == "failed":
        say.print(f"Failed: {job.error}\nThe log: {settings.store_dir / 'logs' / (job.log or '')}", markup=False, soft_wrap=True)
    if job.status in ("paused", "interrupted"):
        say.print(f"It is {job.status} at step {job.step}. {job.error or ''}".rstrip(), markup=False, soft_wrap=True)
        if job.kind == "train":
            say.print(f"atelier runs resume {job.id} goes on from there.")
    sys.exit({"succeeded": 0, "cancelled": 130}.get(job.status, 1))


def _pairs(option: str, pairs: list[str] | None) -> dict[str, Any]:
    """{"steps": 100} from ["steps=100"]: values are JSON where they can be read as JSON, else text."""
    values: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise typer.BadParameter(f"{pair!r} is not KEY=VALUE", param_hint=option)
        try:
            values[key] = json.loads(value)
        except json.JSONDecodeError:
            values[key] = value
    return values


@app.command()
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
        _print_json({"files": [str(file) for file in files], "items": rows})
    else:
        print("\n".join(map(str, files)))


@datasets_app.command("list")
def list_datasets(as_json: Json = False) -> None:
    """The data sets there are."""
    catalog, _ = _catalog()
    rows = []
    for name in catalog.names():
        dataset = catalog.open(name, {})
        rows.append({"name": name, "images": len(dataset), "classes": len(dataset.class_names), "licence": dataset.licence})
    if as_json:
        _print_json(rows)
    else:
        _print_table(rows)


@datasets_app.command("add")
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
    catalog, store = _catalog()
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
    with _database().write() as session:
        job = submit_preparation(session, request, catalog)
        if link is not None:
            link.symlink_to(path.resolve())  # the job deletes what it finds there when it has ended
    _follow(settings, job, as_json)


@datasets_app.command("show")
def show_dataset(
    name: Annotated[str, typer.Argument(help="Name of the data set.")],
    skipped: Annotated[bool, typer.Option("--skipped", help="Name every file that was skipped, not only the first twenty.")] = False,
    as_json: Json = False,
) -> None:
    """What is in a data set: counts, classes, sizes, duplicates, and what was skipped and why."""
    from atelier.datasets.brought import Brought

    catalog, _ = _catalog()
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
        _print_json(facts)
        return
    for key, value in facts.items():
        if key != "skipped" and value not in (None, [], {}):
            shown = value if not isinstance(value, list | dict) else json.dumps(value, ensure_ascii=False)
            print(f"{key.replace('_', ' ')}: {shown}")
    for one in facts.get("skipped", []):
        print(f"skipped {one['path']}: {one['reason']}")
    if (more := facts.get("num_skipped", 0) - len(facts.get("skipped", []))) > 0:
        print(f"… and {more} more; --skipped names all")


@datasets_app.command("remove")
def remove_dataset_(name: Annotated[str, typer.Argument(help="Name of the data set.")]) -> None:
    """Remove a data set that was added, and all that was prepared from it; a folder that it was read from stays."""
    from atelier.jobs.sources import delete_folders, remove_dataset

    _, store = _catalog()
    with _database().write() as session:
        folders = remove_dataset(session, store, name)
    delete_folders(folders)
    say.print(f"{name} is removed.")


@runs_app.command("list")
def list_runs(
    status: Annotated[str | None, typer.Option(help="Only those that are queued, running, paused, interrupted, failed …")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    as_json: Json = False,
) -> None:
    """Training runs, newest first."""
    from typing import get_args

    from atelier.registry import queries
    from atelier.registry.tables import Status

    if status is not None and status not in get_args(Status):
        raise ValueError(f"{status!r} is not one of {', '.join(get_args(Status))}")
    with _database().read() as session:
        runs = [job.snapshot() for job in session.scalars(queries.jobs(kind="train", status=status, limit=limit))]  # type: ignore[arg-type]
    if as_json:
        _print_json(runs)
        return
    _print_table(
        [
            {name: run[name] for name in ("id", "status", "architecture", "dataset", "preset")}
            | {"steps": f"{run['step']}/{run['total_steps']}"}
            | {"version": f"{run['model']}@{run['version'] or '–'}", "created": run["created_at"][:16].replace("T", " ")}
            for run in runs
        ]
    )


@runs_app.command("show")
def show_run(run: RunNumber) -> None:
    """Everything about one training run, as JSON."""
    from atelier.registry.tables import Job

    with _database().read() as session:
        _print_json(_run(session.get(Job, run), run).snapshot())


@runs_app.command("cancel")
def cancel_run(run: RunNumber) -> None:
    """Ask a training run to end; a running one does so after the step in hand."""
    job = _ask(run, lambda session, job: job.request_cancel())
    say.print(f"Run {run} is {'cancelled' if job.status == 'cancelled' else 'being cancelled'}.")


@runs_app.command("pause")
def pause_run(run: RunNumber) -> None:
    """Put a training run aside; a running one saves a checkpoint after the step in hand, and its process ends."""
    job = _ask(run, lambda session, job: job.request_pause())
    say.print(f"Run {run} is {'paused' if job.status == 'paused' else 'being paused'}; atelier runs resume {run} goes on from there.")


@runs_app.command("resume")
def resume_run(run: RunNumber, queue: Queue = False, as_json: Json = False) -> None:
    """Go on with a run that is paused or was interrupted, or that failed and left a checkpoint."""
    from atelier.registry.store import Store

    settings = Settings()
    store = Store(settings.store_dir)
    _run_queued(settings, _ask(run, lambda session, job: job.resume(checkpoint=store.checkpoint(run).exists())), queue, as_json)


@runs_app.command("retry")
def retry_run(run: RunNumber, queue: Queue = False, as_json: Json = False) -> None:
    """Train once more with the settings of a run that has ended, from the beginning."""
    from atelier.jobs.queue import retry

    _run_queued(Settings(), _ask(run, retry), queue, as_json)


@runs_app.command("continue")
def continue_run(
    run: RunNumber,
    steps: Annotated[int, typer.Option(min=1, max=10_000_000, help="How many steps more.")],
    queue: Queue = False,
    as_json: Json = False,
) -> None:
    """Train on from the end of a run that has succeeded; the model gets a further version."""
    from atelier.jobs.queue import continue_training
    from atelier.registry.store import Store

    settings = Settings()
    there = Store(settings.store_dir).checkpoint
    further = _ask(run, lambda session, job: continue_training(session, job, steps, checkpoint=there(run).exists()))
    _run_queued(settings, further, queue, as_json)


@runs_app.command("move")
def move_run(
    run: RunNumber,
    priority: Annotated[
        int, typer.Option(min=-1_000_000, max=1_000_000, help="Queued runs of a higher one start first; all begin with 0.")
    ],
) -> None:
    """Change the place of a training run in the queue."""
    job = _ask(run, lambda session, job: job.prioritise(priority))
    say.print(f"Run {run} is number {job.queue_position} in the queue.")


def _ask(run: int, wish: Callable[[Any, Any], Any]) -> Any:
    """Do something with a training run in one transaction; the job that comes of it, or the run itself."""
    from atelier.registry.tables import Job

    with _database().write() as session:
        job = _run(session.get(Job, run), run)
        return wish(session, job) or job


def _run_queued(settings: Settings, job: Any, queue: bool, as_json: bool) -> None:
    """Run it here and show its progress, unless it shall wait for a server or a server takes it at once."""
    from atelier.registry.tables import Job

    database = _database()
    deadline = time.monotonic() + SERVER_SECONDS
    while True:
        with database.read() as session:
            job = session.get_one(Job, job.id)
        if queue or job.status != "queued" or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    database.dispose()
    if job.status == "queued" and not queue:
        _follow(settings, job, as_json)
    elif as_json:
        _print_json(job.snapshot())
    else:
        say.print(f"Run {job.id} " + ("waits for a server." if job.status == "queued" else f"is {job.status}; a server looks after it."))


@app.command()
def openapi() -> None:
    """Print the description of the HTTP API."""
    from atelier.app import create_app

    _print_json(create_app(Settings()).openapi())


def _catalog() -> tuple[Any, Any]:
    """The data sets there are, and the store that they are in."""
    from atelier.datasets.catalog import Catalog
    from atelier.registry.store import Store

    store = Store(Settings().store_dir)
    return Catalog(store.sources), store


def _database() -> Any:
    from atelier.registry.database import Database, migrate

    url = Settings().resolved_database_url
    migrate(url)
    return Database(url)


def _run(job: Any, number: int) -> Any:
    from atelier.errors import NotFound

    if job is None or job.kind != "train":
        raise NotFound(f"There is no training run {number}.")
    return job


def _print_table(rows: list[dict[str, Any]]) -> None:
    if not rows:
        say.print("There are none yet.")
        return
    table = Table(box=None)
    for name in rows[0]:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)
