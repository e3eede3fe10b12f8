"""Starts queued jobs, buries dead ones or takes them up again, and sees that cancelled ones really end; jobs outlive it and are adopted."""

import asyncio
import logging
import signal
import time
from collections import Counter
from contextlib import suppress
from datetime import datetime
from types import TracebackType

from sqlalchemy import select
from sqlalchemy.orm import Session

from atelier.jobs.executors import JobProcess, LocalExecutor
from atelier.registry import queries
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import ACTIVE, Job, Lane

POLL_SECONDS = 0.5  # for deaths, and for jobs that other processes queue or cancel
CANCEL_GRACE = 10.0  # from the request to SIGTERM
KILL_GRACE = 5.0  # from SIGTERM to SIGKILL

log = logging.getLogger(__name__)


class Supervisor:
    """In the web process: `async with Supervisor(…) as supervisor:`, and `poke()` after queueing a job.

    It keeps nothing that matters in memory: the rows say which processes there are, so the supervisors of one
    machine, one after another or several at once, look after the same jobs.
    """

    def __init__(self, database: Database, store: Store, executor: LocalExecutor, *, max_jobs: int) -> None:
        self.database, self.store, self.executor = database, store, executor
        self.places: dict[Lane, int] = {"work": max_jobs, "prepare": 1}
        # By job and pid: a job that is taken up again has another process, perhaps before the one before it has quite gone.
        self._processes: dict[tuple[int, int], JobProcess] = {}
        self._ending: dict[tuple[int, int], float] = {}  # since when it ought to end
        self._poke = asyncio.Event()
        self._stopping = False

    async def __aenter__(self) -> "Supervisor":
        self._task = asyncio.create_task(self._run(), name="supervisor")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Jobs go on; the next supervisor adopts them."""
        self._stopping = True
        self._poke.set()
        await self._task

    def poke(self) -> None:
        """Look at the queue now."""
        self._poke.set()

    def rest(self) -> None:
        """Start nothing more: the machine may be about to shut down, and what ends by that is not for us to take up again."""
        self._stopping = True

    async def _run(self) -> None:
        while not self._stopping:
            self._poke.clear()
            try:
                await asyncio.to_thread(self._round)
            except Exception:
                log.exception("The supervisor could not look after the jobs; it tries again.")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._poke.wait(), POLL_SECONDS)

    def _round(self) -> None:
        self.look_after()
        if not self._stopping:
            self._fill()

    def look_after(self) -> None:
        """Bury jobs whose process has ended; press on processes that ought to have ended.

        One that ought to be paused is not pressed on: its step may take long, and it would lose what it has not saved.
        """
        with self.database.read() as session:
            active = {(job.id, job.pid): job for job in session.scalars(queries.active_jobs())}
        for job in active.values():
            process = self._process(job)
            self._processes.setdefault((job.id, process.pid), process)

        for key, process in list(self._processes.items()):
            reason = process.ended()
            if reason is not None:
                process.signal_group(signal.SIGKILL)  # children it left behind
                del self._processes[key]
                self._ending.pop(key, None)
                with self.database.write() as session:
                    _bury(session, key[0], process, reason)
            elif key not in active or active[key].cancel_requested:
                overdue = time.monotonic() - self._ending.setdefault(key, time.monotonic())
                if overdue > CANCEL_GRACE + KILL_GRACE:
                    process.signal_group(signal.SIGKILL)
                elif overdue > CANCEL_GRACE:
                    process.signal_group(signal.SIGTERM)

    def _fill(self) -> None:
        with self.database.read() as session:
            if not self._next(session):  # most of the time, and then no writer is held up
                return
        with self.database.write() as session:
            for job in self._next(session):
                self.launch(session, job)

    def _next(self, session: Session) -> list[Job]:
        """The queued jobs for which there are places."""
        busy = self._processes.keys() | {(job.id, job.pid) for job in session.scalars(queries.active_jobs())}
        lanes = Counter(session.scalars(select(Job.lane).where(Job.id.in_([job_id for job_id, _ in busy]))))
        free = {lane: max(0, places - lanes[lane]) for lane, places in self.places.items()}
        return [job for lane, count in free.items() for job in session.scalars(queries.queue(lane).limit(count))]

    def launch(self, session: Session, job: Job) -> None:
        """Start a queued job's process within the transaction that claims it, unless the one it had before has not quite gone.

        The process waits for the commit. When that never comes, because this process dies, it finds its job still
        queued and leaves: there is no moment in which a job is claimed and nobody knows by whom.
        """
        if job.pid is not None and self._process(job).lives():
            return
        try:
            if job.log is None:
                path = self.store.create_log(job.architecture or job.kind)
            else:
                path = self.store.logs / job.log
                with path.open("a") as file:
                    file.write(f"{datetime.now():%H:%M:%S} WARNING Taken up again. {job.error or ''}".rstrip() + "\n")
            process = self.executor.start(job, path)
        except OSError as error:
            job.fail(f"The process could not be started: {error.strerror}")
        else:
            job.claim(path.name, process.pid, process.started)
        session.flush()

    def _process(self, job: Job) -> JobProcess:
        assert job.pid is not None  # a claim sets all three
        assert job.pid_started is not None
        assert job.log is not None
        return JobProcess(job.pid, job.pid_started, self.store.logs / job.log)


def _bury(session: Session, job_id: int, process: JobProcess, reason: str) -> None:
    job = session.get(Job, job_id)
    if job is not None and job.status in ACTIVE and job.held_by == (process.pid, process.started):  # else it said itself how it ended
        job.bury(reason)
        log.warning("Job %d %s: %s.", job.id, job.status, reason)
