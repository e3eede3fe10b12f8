"""Jobs as real processes: started, outlived, adopted, paused, cancelled, killed, taken up again."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import psutil
import pytest
from tests.jobs.conftest import Studio

from atelier.jobs import supervisor as supervisor_module
from atelier.jobs.local_run import run_job
from atelier.models import artifact
from atelier.registry.tables import ACTIVE, FINISHED, Job

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


def kill(job: Job, number: signal.Signals = signal.SIGKILL) -> None:
    assert job.pid is not None
    os.kill(job.pid, number)


def again(before: Job) -> Callable[[Job], bool]:
    """Whether the job trains in another process than before."""
    return lambda row: row.status == "running" and row.pid != before.pid and row.images_per_second is not None


def steps_resumed_from(studio: Studio, job: Job) -> list[int]:
    return [int(step) for step in re.findall(r"Going on from step (\d+)", studio.log(job))]


def test_a_job_outlives_its_server_and_is_taken_up_again_once_when_it_dies(studio: Studio) -> None:
    job = studio.submit(hyperparameters=ENDLESS)
    server = subprocess.Popen([sys.executable, "-c", SERVER], env=os.environ | studio.supervisor().executor.environment)
    try:
        before = studio.wait(job, lambda row: row.step > 0)
    finally:
        server.kill()
        server.wait()

    def story() -> Job:
        """A new server: the job goes on, and when it is killed, once more from its checkpoint, and then no more."""
        row = studio.wait(job, lambda row: row.step > before.step)
        assert (row.status, row.pid) == ("running", before.pid)
        kill(row)
        row = studio.wait(job, again(row))
        assert (row.restarts, row.error, row.log) == (1, None, before.log)
        assert studio.row(waiting).status == "queued"  # one place, and the older job came first
        kill(row)
        return studio.wait(job, lambda row: row.status not in ("queued", *ACTIVE))

    waiting = studio.submit(hyperparameters=ENDLESS)
    row = supervised(studio, story)
    assert (row.status, row.error) == ("interrupted", "The process was killed by signal 9 (SIGKILL)")
    assert gone(row)
    # Whose child the first process was is gone, and knew the signal.
    assert re.search(r"Taken up again\. The process ended unexpectedly; its log ends with: .*step ", studio.log(job))
    assert steps_resumed_from(studio, job) == sorted(steps_resumed_from(studio, job))


def test_pausing_frees_the_place_and_resuming_goes_on_from_the_same_step(studio: Studio) -> None:
    job, other = studio.submit(hyperparameters=ENDLESS), studio.submit(hyperparameters=ENDLESS)

    def story() -> Job:
        before = studio.wait(job, lambda row: row.step > 0)
        studio.change(job, lambda job: job.request_pause())
        paused = studio.wait(job, lambda row: row.status == "paused")
        assert (paused.pause_requested, paused.error, paused.finished_at) == (False, None, None)
        studio.wait(other, lambda row: row.status == "starting")
        assert gone(paused)
        studio.change(other, lambda job: job.request_pause())  # before its process has said a word
        studio.wait(other, lambda row: row.status == "paused")
        studio.change(job, lambda job: job.resume(checkpoint=True))
        row = studio.wait(job, again(paused))
        assert (row.log, row.started_at) == (before.log, before.started_at)
        assert steps_resumed_from(studio, job) == [paused.step]
        studio.change(job, lambda job: job.request_pause())
        studio.change(job, lambda job: job.request_cancel())
        return studio.wait(job, lambda row: row.status in FINISHED)

    assert supervised(studio, story).status == "cancelled"
    assert f"Paused at step {steps_resumed_from(studio, job)[0]}." in studio.log(job)
    assert studio.row(other).step == 0


def test_a_job_that_the_machine_ends_saves_and_goes_on_when_it_can(studio: Studio) -> None:
    job = studio.submit(hyperparameters=ENDLESS)

    def story() -> Job:
        before = studio.wait(job, lambda row: row.step > 0)
        kill(before, signal.SIGTERM)
        return studio.wait(job, again(before))

    assert supervised(studio, story).restarts == 0  # it was no accident
    [step] = steps_resumed_from(studio, job)
    assert step > 0
    assert f"Interrupted, to go on, at step {step}." in studio.log(job)
    assert "Taken up again. The machine asked the process to end (SIGTERM)" in studio.log(job)


def test_a_supervisor_that_rests_takes_up_nothing(studio: Studio) -> None:
    job = studio.submit()

    async def main() -> None:
        async with studio.supervisor() as supervisor:
            supervisor.rest()
            await asyncio.sleep(3 * supervisor_module.POLL_SECONDS)

    asyncio.run(main())
    assert studio.row(job).status == "queued"


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


def test_a_data_set_is_prepared_beside_a_run_that_takes_the_only_place(studio: Studio) -> None:
    studio.running()
    waiting = studio.submit()
    with studio.database.write() as session:
        preparation = Job(kind="prepare", spec={}, dataset="cats")  # a spec that makes it fail as soon as it is started
        session.add(preparation)
    assert studio.row(waiting).queue_position == studio.row(preparation).queue_position == 1  # each waits for its like alone
    row = supervised(studio, lambda: studio.wait(preparation, lambda row: row.status in FINISHED))
    assert row.status == "failed"
    assert "name: Field required" in (row.error or "")
    assert studio.row(waiting).status == "queued"


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
        kill(row)
        return studio.wait(job, lambda row: row.status in FINISHED)

    row = supervised(studio, story)
    assert (row.status, row.restarts, row.error) == ("succeeded", 1, None)
    assert "Taken up again. The process was killed by signal 9 (SIGKILL)" in studio.log(job)


def test_a_job_that_ended_while_nobody_looked_is_buried(studio: Studio) -> None:
    """Its pid belongs to another process by now: to this one."""
    job = studio.submit()
    studio.change(job, lambda job: job.claim("log.txt", os.getpid(), 1.0))
    studio.change(job, lambda job: setattr(job, "restarts", 1))
    row = supervised(studio, lambda: studio.wait(job, lambda row: row.status != "starting"))
    assert (row.status, row.error) == ("interrupted", "The process ended unexpectedly")


def sleeper(studio: Studio, job: Job) -> int:
    """A process that stands behind the job and does nothing."""
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    process.returncode = 0
    studio.change(job, lambda job: job.claim("log.txt", process.pid, psutil.Process(process.pid).create_time()))
    studio.change(job, lambda job: job.start())
    return process.pid


def test_of_two_supervisors_the_slower_one_leaves_the_next_process_alone(studio: Studio) -> None:
    job = studio.submit()
    first, slower = studio.supervisor(), studio.supervisor()
    pid = sleeper(studio, job)
    slower.look_after()
    os.kill(pid, signal.SIGKILL)
    while studio.row(job).status == "running":
        first.look_after()
    assert studio.row(job).restarts == 1
    sleeper(studio, job)
    slower.look_after()
    assert studio.row(job).status == "running"


def test_a_job_is_not_taken_up_before_its_process_has_gone(studio: Studio) -> None:
    """Paused and resumed at once, while the process is still about to leave: its end says nothing of the next one."""
    job = studio.submit(hyperparameters=ENDLESS)
    slow = sleeper(studio, job)

    def story() -> Job:
        time.sleep(2 * supervisor_module.POLL_SECONDS)  # it is seen
        studio.change(job, lambda job: job.request_pause())
        studio.change(job, lambda job: job.put_down("", advanced=True))
        studio.change(job, lambda job: job.resume(checkpoint=True))
        time.sleep(2 * supervisor_module.POLL_SECONDS)
        assert studio.row(job).status == "queued"
        os.kill(slow, signal.SIGKILL)
        row = studio.wait(job, lambda row: row.status == "running")
        time.sleep(2 * supervisor_module.POLL_SECONDS)
        return row

    row = supervised(studio, story, max_jobs=2)
    assert row.pid != slow
    assert studio.row(job).restarts == 0


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
        ({"kind": "dream"}, "ModuleNotFoundError: No module named 'atelier.jobs.dream'"),  # as a newer Atelier may have queued it
    ],
)
def test_a_job_that_cannot_be_done_says_why(studio: Studio, spoil: dict[str, object], reason: str) -> None:
    job = studio.submit()
    studio.change(job, lambda job: [setattr(job, name, value) for name, value in spoil.items()])  # type: ignore[func-returns-value]
    row = supervised(studio, lambda: studio.wait(job, lambda row: row.status in FINISHED))
    assert (row.status, row.error) == ("failed", reason)
    assert "Traceback" in studio.log(job)


def test_a_run_without_a_server_goes_on_when_it_dies_and_is_cancelled_by_an_interrupt(studio: Studio) -> None:
    job = studio.submit(hyperparameters=ENDLESS)
    before = signal.getsignal(signal.SIGINT)
    seen: list[Job] = []
    for row in run_job(studio.settings, job.id):
        if row.status == "running" and seen[-1].status != "running":
            if row.restarts == 0:
                kill(row)
            else:
                os.kill(os.getpid(), signal.SIGINT)
        seen.append(row)
    assert [row.status for row in (seen[0], seen[-1])] == ["starting", "cancelled"]
    assert row.restarts == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_without_a_server_ends_when_it_is_paused(studio: Studio) -> None:
    job = studio.submit()
    studio.change(job, lambda job: job.request_pause())
    assert [row.status for row in run_job(studio.settings, job.id)] == ["paused"]


def test_several_processes_train_one_model_and_go_together(studio: Studio) -> None:
    studio = replace(studio, settings=studio.settings.model_copy(update={"processes_per_job": 2}))
    job = studio.submit(hyperparameters={"steps": 5})

    def story() -> Job:
        launcher = psutil.Process(studio.wait(job, lambda row: row.status == "running").pid)
        while len(family := launcher.children(recursive=True)) < 2:
            time.sleep(0.05)
        launcher.kill()
        studio.wait(job, lambda row: row.restarts == 1 and row.status == "running")
        assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)
        return studio.wait(job, lambda row: row.status in FINISHED)

    row = supervised(studio, story)
    assert (row.status, row.error) == ("succeeded", None), studio.log(job)
    assert row.version is not None
    assert row.version.manifest["training"]["processes"] == 2
