"""Run one job without a server, with the same supervisor; for the command line."""

import signal
import time
from collections.abc import Iterator
from types import FrameType

from atelier.jobs.executors import LocalExecutor
from atelier.jobs.supervisor import Supervisor
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import ACTIVE, FINISHED, Job
from atelier.settings import Settings

LOOK_SECONDS = 0.2


def run_job(settings: Settings, job_id: int) -> Iterator[Job]:
    """Start a queued job, whatever else waits or runs, and yield its row again and again, the last time when it has ended or rests.

    A job that goes back to the queue, because its process died, is started again. ^C asks for its cancellation and goes on
    until it has ended; a second ^C leaves it to end alone. Call from the main thread. When a server has claimed the job
    meanwhile, its progress is followed just the same.
    """
    database = Database(settings.resolved_database_url)
    supervisor = Supervisor(database, Store(settings.store_dir), LocalExecutor(settings), max_jobs=1)
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        while True:
            with database.read() as session:
                job = session.get_one(Job, job_id)
            if job.status == "queued" or (interrupted and job.status in ACTIVE and not job.cancel_requested):
                with database.write() as session:
                    job = session.get_one(Job, job_id)
                    if interrupted and job.status not in FINISHED:
                        job.request_cancel()
                    elif job.status == "queued":
                        supervisor.launch(session, job)
            yield job
            if job.status not in ("queued", *ACTIVE):
                return
            time.sleep(LOOK_SECONDS)
            supervisor.look_after()
    finally:
        signal.signal(signal.SIGINT, before)
        database.dispose()
