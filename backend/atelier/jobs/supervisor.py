"""Starts queued jobs, buries dead ones, and sees that cancelled ones really end; jobs outlive it and are adopted."""

import asyncio
import logging
import signal
import time
from contextlib import suppress
from types import TracebackType

from sqlalchemy.orm import Session

from atelier.jobs.executors import JobProcess, LocalExecutor
from atelier.registry import queries
from atelier.registry.database import Database
from atelier.registry.store import Store
from atelier.registry.tables import ACTIVE, Job

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
        self.database, self.store, self.executor, self.max_jobs = database, store, executor, max_jobs
        self._processes: dict[int, JobProcess] = {}
        self._ending: dict[int, float] = {}  # job → since when it ought to end
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
        self._fill()

    def look_after(self) -> None:
        """Bury jobs whose process has ended; press on processes that ought to have ended."""
        with self.database.read() as session:
            active = {job.id: job for job in session.scalars(queries.active_jobs())}
        for job in active.values():
            if job.id not in self._processes:
                self._processes[job.id] = self._process(job)

        for job_id, process in list(self._processes.items()):
            reason = process.ended()
            if reason is not None:
                process.signal_group(signal.SIGKILL)  # children it left behind
                del self._processes[job_id]
                self._ending.pop(job_id, None)
                with self.database.write() as session:
                    _bury(session, job_id, reason)
            elif job_id not in active or active[job_id].cancel_requested:
                overdue = time.monotonic() - self._ending.setdefault(job_id, time.monotonic())
                if overdue > CANCEL_GRACE + KILL_GRACE:
                    process.signal_group(signal.SIGKILL)
                elif overdue > CANCEL_GRACE:
                    process.signal_group(signal.SIGTERM)

    def _fill(self) -> None:
        with self.database.read() as session:
            if session.scalar(queries.oldest_queued()) is None:
                return
        with self.database.write() as session:
            busy = {job.id for job in session.scalars(queries.active_jobs())} | self._processes.keys()
            while len(busy) < self.max_jobs and (job := session.scalar(queries.oldest_queued())) is not None:
                self.launch(session, job)
                busy.add(job.id)

    def launch(self, session: Session, job: Job) -> None:
        """Start a queued job's process within the transaction that claims it.

        The process waits for the commit. When that never comes, because this process dies, it finds its job still
        queued and leaves: there is no moment in which a job is claimed and nobody knows by whom.
        """
        path = self.store.create_log(job.architecture or job.kind)
        try:
            process = self.executor.start(job.id, path)
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


def _bury(session: Session, job_id: int, reason: str) -> None:
    job = session.get(Job, job_id)
    if job is not None and job.status in ACTIVE:  # else it said itself how it ended
        if job.cancel_requested:
            job.cancelled()
        else:
            job.fail(reason)
