"""Jobs as real processes: started, outlived, adopted, cancelled, killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable

import psutil
import pytest
from tests.jobs.conftest import Studio

from atelier.jobs import supervisor as supervisor_module
from atelier.jobs.local_run import run_job
from atelier.models import artifact
from atelier.registry.tables import FINISHED, Job

ENDLESS = {"steps": 10_000_000}

SERVER = """
import asyncio, sys
from atelier.jobs.executors import LocalExecutor
from atelier.jobs.supervisor import Supervisor
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.settings import Settings

async def serve():
    settings = Settings()
    database = Database(settings.resolved_database_url)
    async with Supervisor(database, Store(settings.store_dir), LocalExecutor(settings), max_jobs=1):
        await asyncio.Event().wait()

asyncio.run(serve())
"""


def supervised(studio: Studio, story: Callable[[], Job], *, max_jobs: int = 1) -> Job:
    """Tell the story, in a thread, beside a supervisor."""

    async def main() -> Job:
        async with studio.supervisor(max_jobs=max_jobs):
            told: Awaitable[Job] = asyncio.to_thread(story)
            return await told

    return asyncio.run(main())


def gone(job: Job) -> bool:
    assert job.pid is not None
    return not psutil.pid_exists(job.pid) or psutil.Process(job.pid).status() == psutil.STATUS_ZOMBIE


def test_a_job_runs_to_its_version(studio: Studio) -> None:
    job = studio.submit()
    row = supervised(studio, lambda: studio.wait(job, lambda row: row.status in FINISHED))
    assert row.status == "succeeded", studio.log(job)
    assert row.version is not None
    assert (studio.store.version("first", row.version.number) / artifact.WEIGHTS).exists()
    assert row.log is not None
    assert row.log.startswith("dcgan-")
    assert f"step {row.total_steps}/{row.total_steps}" in studio.log(job)
    assert "Published first@1." in studio.log(job)


def test_a_job_outlives_its_server_and_dies_for_a_reason(studio: Studio) -> None:
    job = studio.submit(hyperparameters=ENDLESS)
    server = subprocess.Popen([sys.executable, "-c", SERVER], env=os.environ | studio.supervisor().executor.environment)
    try:
        before = studio.wait(job, lambda row: row.step > 0)
    finally:
        server.kill()
        server.wait()

    def story() -> Job:
        """A new server: the job goes on, and when it is killed, its row says so."""
        row = studio.wait(job, lambda row: row.step > before.step)
        assert (row.status, row.pid) == ("running", before.pid)
        assert row.pid is not None
        os.kill(row.pid, signal.SIGKILL)
        return studio.wait(job, lambda row: row.status != "running")

    row = supervised(studio, story)
    assert row.status == "failed"
    assert row.error is not None
    assert row.error.startswith("The process ended unexpectedly")  # whose child it was is gone, and knew the signal
    assert gone(row)


def test_cancelling(studio: Studio) -> None:
    running, waiting = studio.submit(hyperparameters=ENDLESS), studio.submit()

    def story() -> Job:
        studio.wait(running, lambda row: row.step > 0)
        assert studio.row(waiting).status == "queued"  # max_jobs
        studio.change(waiting, lambda job: job.request_cancel())
        assert studio.row(waiting).status == "cancelled"
        studio.change(running, lambda job: job.request_cancel())
        return studio.wait(running, lambda row: row.status in FINISHED)

    row = supervised(studio, story)
    assert (row.status, row.error) == ("cancelled", None)
    assert "Cancelled." in studio.log(running)
    assert studio.row(waiting).pid is None


def test_a_process_that_does_not_listen_is_killed_with_its_children(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "CANCEL_GRACE", 0.2)
    monkeypatch.setattr(supervisor_module, "KILL_GRACE", 0.2)
    deaf = subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; sleep 1000 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=True)
    assert deaf.stdout is not None
    child = int(deaf.stdout.readline())
    deaf.stdout.close()
    deaf.returncode = 0
    job = studio.submit()
    studio.change(job, lambda job: job.claim("log.txt", deaf.pid, psutil.Process(deaf.pid).create_time()))
    studio.change(job, lambda job: job.start())
    studio.change(job, lambda job: job.request_cancel())

    row = supervised(studio, lambda: studio.wait(job, lambda row: row.status in FINISHED))
    assert (row.status, row.error) == ("cancelled", None)
    assert gone(row)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_kill_is_told_by_its_signal(studio: Studio) -> None:
    job = studio.submit()

    def story() -> Job:
        row = studio.wait(job, lambda row: row.pid is not None)
        assert row.pid is not None
        os.kill(row.pid, signal.SIGKILL)
        return studio.wait(job, lambda row: row.status in FINISHED)

    row = supervised(studio, story)
    assert (row.status, row.error) == ("failed", "The process was killed by signal 9 (SIGKILL)")
    assert gone(row)


def test_a_job_that_ended_while_nobody_looked_is_buried(studio: Studio) -> None:
    """Its pid belongs to another process by now: to this one."""
    job = studio.submit()
    studio.change(job, lambda job: job.claim("log.txt", os.getpid(), 1.0))
    row = supervised(studio, lambda: studio.wait(job, lambda row: row.status in FINISHED))
    assert (row.status, row.error) == ("failed", "The process ended unexpectedly")


def test_a_process_whose_claim_was_never_committed_leaves_the_job_alone(studio: Studio) -> None:
    job = studio.submit()
    with studio.database.write() as session:
        supervisor = studio.supervisor()
        supervisor.launch(session, session.get_one(Job, job.id))
        process = supervisor._process(session.get_one(Job, job.id))
        session.rollback()
    studio.wait(job, lambda row: process.ended() is not None)
    assert studio.row(job).status == "queued"
    assert "was not given to this process" in process.log.read_text()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"spec": {"architecture": "dcgan"}}, "dataset: Field required; model: Field required"),
        ({"kind": "project"}, "ModuleNotFoundError: No module named 'atelier.jobs.project'"),
    ],
)
def test_a_job_that_cannot_be_done_says_why(studio: Studio, spoil: dict[str, object], reason: str) -> None:
    job = studio.submit()
    studio.change(job, lambda job: [setattr(job, name, value) for name, value in spoil.items()])  # type: ignore[func-returns-value]
    row = supervised(studio, lambda: studio.wait(job, lambda row: row.status in FINISHED))
    assert (row.status, row.error) == ("failed", reason)
    assert "Traceback" in studio.log(job)


def test_a_run_without_a_server_is_cancelled_by_an_interrupt(studio: Studio) -> None:
    job = studio.submit(hyperparameters=ENDLESS)
    before = signal.getsignal(signal.SIGINT)
    seen = []
    for row in run_job(studio.settings, job.id):
        seen.append(row.status)
        if row.status == "running" and "running" not in seen[:-1]:
            os.kill(os.getpid(), signal.SIGINT)
    assert seen[0] == "starting"
    assert seen[-1] == "cancelled"
    assert signal.getsignal(signal.SIGINT) is before
