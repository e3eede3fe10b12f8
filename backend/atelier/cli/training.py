"""`atelier train` and `atelier runs`."""

import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from atelier.cli.common import Json, follow, open_database, pairs, print_json, print_table, say
from atelier.settings import Settings

runs = typer.Typer(help="Training runs, of the server and of this command alike.", no_args_is_help=True)

SERVER_SECONDS = 2.0  # a server that has a place takes what is queued within one

RunNumber = Annotated[int, typer.Argument(metavar="RUN", help="Number of the run.")]
Queue = Annotated[bool, typer.Option("--queue", help="Leave it in the queue for a server; without it, it runs here if no server takes it.")]


def train(
    architecture: Annotated[str, typer.Argument(help="dcgan, vae, …")],
    dataset: Annotated[str, typer.Option(help="Name of a data set; `atelier datasets list` shows them.")],
    model: Annotated[str, typer.Option(help="Name of the model that gets the new version.")],
    preset: Annotated[str, typer.Option(help="debug (seconds), quick (minutes on a CPU) or paper (a GPU).")] = "quick",
    set_: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A hyper-parameter; repeatable.")] = None,
    data: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the data set; repeatable.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same machine: same weights.")] = 0,
    start_from: Annotated[str | None, typer.Option(metavar="MODEL[@N]", help="Begin with the weights of this version.")] = None,
    score: Annotated[str | None, typer.Option(metavar="METRIC", help="Measure it on the way, and publish the best generator.")] = None,
    score_every: Annotated[int | None, typer.Option(min=1, metavar="STEPS", help="How often. [default: every ten minutes]")] = None,
    score_samples: Annotated[int, typer.Option(min=2, help="Pictures drawn each time.")] = 1000,
    evaluate: Annotated[list[str] | None, typer.Option(metavar="METRIC", help="Evaluate the version by it; repeatable.")] = None,
    as_json: Json = False,
) -> None:
    """Train a generator and publish it as a version, with no server; Ctrl+C cancels."""
    from atelier.datasets.catalog import Catalog
    from atelier.jobs.queue import submit_training
    from atelier.jobs.specs import Scoring, TrainRequest
    from atelier.registry.store import Store

    settings = Settings()
    request = TrainRequest(
        architecture=architecture,
        dataset=dataset,
        dataset_options=pairs("--data", data),
        model=model,
        preset=preset,
        hyperparameters=pairs("--set", set_),
        seed=seed,
        start_from=start_from,
        scoring=None if score is None else Scoring(metric=score, every_steps=score_every, num_samples=score_samples),
        evaluate=evaluate or [],
    )
    with open_database().write() as session:
        job = submit_training(session, request, Catalog(Store(settings.store_dir).sources))
    follow(settings, job, as_json)


@runs.command("list")
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
    with open_database().read() as session:
        found = [job.snapshot() for job in session.scalars(queries.jobs(kind="train", status=status, limit=limit))]  # type: ignore[arg-type]
    if as_json:
        print_json(found)
        return
    print_table(
        [
            {name: run[name] for name in ("id", "status", "architecture", "dataset", "preset")}
            | {"steps": f"{run['step']}/{run['total_steps']}"}
            | {"version": f"{run['model']}@{run['version'] or '–'}", "created": run["created_at"][:16].replace("T", " ")}
            for run in found
        ]
    )


@runs.command("show")
def show_run(run: RunNumber) -> None:
    """Everything about one training run, as JSON."""
    from atelier.registry.tables import Job

    with open_database().read() as session:
        print_json(_run(session.get(Job, run), run).snapshot())


@runs.command("cancel")
def cancel_run(run: RunNumber) -> None:
    """Ask a training run to end; a running one does so after the step in hand."""
    job = _ask(run, lambda session, job: job.request_cancel())
    say.print(f"Run {run} is {'cancelled' if job.status == 'cancelled' else 'being cancelled'}.")


@runs.command("pause")
def pause_run(run: RunNumber) -> None:
    """Put a training run aside; a running one saves a checkpoint after the step in hand, and its process ends."""
    job = _ask(run, lambda session, job: job.request_pause())
    say.print(f"Run {run} is {'paused' if job.status == 'paused' else 'being paused'}; atelier runs resume {run} goes on from there.")


@runs.command("resume")
def resume_run(run: RunNumber, queue: Queue = False, as_json: Json = False) -> None:
    """Go on with a run that is paused or was interrupted, or that failed and left a checkpoint."""
    from atelier.registry.store import Store

    settings = Settings()
    store = Store(settings.store_dir)
    _run_queued(settings, _ask(run, lambda session, job: job.resume(checkpoint=store.checkpoint(run).exists())), queue, as_json)


@runs.command("retry")
def retry_run(run: RunNumber, queue: Queue = False, as_json: Json = False) -> None:
    """Train once more with the settings of a run that has ended, from the beginning."""
    from atelier.jobs.queue import retry

    _run_queued(Settings(), _ask(run, retry), queue, as_json)


@runs.command("continue")
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


@runs.command("move")
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

    with open_database().write() as session:
        job = _run(session.get(Job, run), run)
        return wish(session, job) or job


def _run_queued(settings: Settings, job: Any, queue: bool, as_json: bool) -> None:
    """Run it here and show its progress, unless it shall wait for a server or a server takes it at once."""
    from atelier.registry.tables import Job

    database = open_database()
    deadline = time.monotonic() + SERVER_SECONDS
    while True:
        with database.read() as session:
            job = session.get_one(Job, job.id)
        if queue or job.status != "queued" or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    database.dispose()
    if job.status == "queued" and not queue:
        follow(settings, job, as_json)
    elif as_json:
        print_json(job.snapshot())
    else:
        say.print(f"Run {job.id} " + ("waits for a server." if job.status == "queued" else f"is {job.status}; a server looks after it."))


def _run(job: Any, number: int) -> Any:
    from atelier.errors import NotFound

    if job is None or job.kind != "train":
        raise NotFound(f"There is no training run {number}.")
    return job
