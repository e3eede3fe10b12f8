"""A studio without its web part: settings, database, store."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy.orm import Session

from atelier.datasets.catalog import Catalog
from atelier.jobs.executors import JobProcess, LocalExecutor
from atelier.jobs.queue import submit_training
from atelier.jobs.specs import TrainRequest
from atelier.jobs.supervisor import Supervisor
from atelier.registry import queries
from atelier.registry.database import Database, migrate
from atelier.registry.store import Store
from atelier.registry.tables import Job
from atelier.settings import Settings

DEBUG = {"architecture": "dcgan", "dataset": "shapes", "dataset_options": {"count": 64}, "model": "first", "preset": "debug"}
PATIENCE = 90.0  # seconds; a job imports torch, perhaps beside others


@dataclass(frozen=True)
class Studio:
    settings: Settings
    database: Database
    store: Store

    def supervisor(self, *, max_jobs: int = 1) -> Supervisor:
        return Supervisor(self.database, self.store, LocalExecutor(self.settings), max_jobs=max_jobs)

    def submit(self, **changes: Any) -> Job:
        with self.database.write() as session:
            return submit_training(session, TrainRequest.model_validate(DEBUG | changes), Catalog(self.store.sources))

    def running(self, **changes: Any) -> Job:
        """A job that this process runs."""
        job = self.submit(**changes)
        self.change(job, lambda job: job.claim("log.txt", os.getpid(), psutil.Process().create_time()))
        self.change(job, lambda job: job.start())
        return job

    def change(self, job: Job, change: Callable[[Job], None]) -> None:
        with self.database.write() as session:
            change(session.get_one(Job, job.id))

    def row(self, job: Job) -> Job:
        with self.database.read() as session:
            return session.get_one(Job, job.id)

    def read(self, query: Callable[[Session], Any]) -> Any:
        with self.database.read() as session:
            return query(session)

    def wait(self, job: Job, condition: Callable[[Job], bool]) -> Job:
        deadline = time.monotonic() + PATIENCE
        while not condition(row := self.row(job)):
            assert time.monotonic() < deadline, f"still {row.snapshot()}\n{self.log(row)}"
            time.sleep(0.05)
        return row

    def log(self, job: Job) -> str:
        row = self.row(job)
        return (self.store.logs / row.log).read_text() if row.log else ""


@pytest.fixture
def studio(tmp_path: Path, database_url: str) -> Iterator[Studio]:
    settings = Settings(store_dir=tmp_path, database_url=database_url, device="cpu", _env_file=None)
    migrate(database_url)
    studio = Studio(settings, Database(database_url), Store(tmp_path))
    yield studio
    for job in studio.read(lambda session: session.scalars(queries.active_jobs()).all()):
        if job.pid != os.getpid():
            JobProcess(job.pid, job.pid_started, Path()).signal_group(signal.SIGKILL)  # of a test that failed
    studio.database.dispose()
