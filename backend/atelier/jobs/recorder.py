"""What a job process says about itself, one short transaction at a time, and the requests it reads while doing so."""

import math
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import delete
from sqlalchemy.orm import Session

from atelier.registry.database import Database
from atelier.registry.tables import Event, Job, MetricPoint, now, preview_url

MAX_POINTS = 2000  # steps of a run whose metrics are kept; between them, means
BEAT_SECONDS = 0.5


class JobCancelled(Exception):
    """Somebody asked for the end of this job, or declared it ended."""


class Recorder:
    """Every method raises JobCancelled when the job should end; call them where that is safe."""

    def __init__(self, database: Database, job_id: int) -> None:
        self.database, self.job_id = database, job_id
        self._started = time.monotonic()
        self._first_step: int | None = None
        self._next_point = 0
        self._pending: defaultdict[str, list[float]] = defaultdict(list)
        self._last_beat = -math.inf

    @contextmanager
    def transaction(self) -> Iterator[tuple[Session, Job]]:
        """The running job's row, to change; committed at the end of the block."""
        with self.database.write() as session:
            job = session.get(Job, self.job_id)
            if job is None or job.status != "running":
                raise JobCancelled
            job.heartbeat_at = now()
            yield session, job

    def beat(self, stage: str) -> None:
        """Show that a part without steps is under way; most calls cost nothing."""
        if time.monotonic() - self._last_beat >= BEAT_SECONDS:
            self._last_beat = time.monotonic()
            with self.transaction() as (_, job):
                job.stage = stage
                cancel = job.cancel_requested
            if cancel:
                raise JobCancelled

    def rewind(self, step: int) -> None:
        """Forget what an interrupted run said of steps after the checkpoint it goes on from."""
        with self.transaction() as (session, job):
            session.execute(delete(MetricPoint).where(MetricPoint.job_id == job.id, MetricPoint.step > step))

    def tick(
        self, stage: str, step: int, total_steps: int, images_per_second: float, metrics: dict[str, float], *, preview: bool = False
    ) -> float | None:
        """Progress at a step boundary, metrics as means since the last tick; returns the estimated seconds to the end."""
        if self._first_step is None:
            self._first_step, self._started = step, time.monotonic()
        done = step - self._first_step
        eta = (time.monotonic() - self._started) / done * (total_steps - step) if done else None
        for name, value in metrics.items():
            self._pending[name].append(value)

        with self.transaction() as (session, job):
            job.stage, job.step, job.total_steps = stage, step, total_steps
            job.images_per_second, job.eta_seconds = images_per_second, eta
            if step >= self._next_point or step == total_steps:
                means = {name: sum(values) / len(values) for name, values in self._pending.items()}
                finite = {name: value for name, value in means.items() if math.isfinite(value)}
                for name, value in finite.items():
                    session.add(MetricPoint(job_id=job.id, step=step, name=name, value=value))
                values = {name: finite.get(name) for name in means}  # JSON has no NaN
                session.add(Event(job_id=job.id, type="metrics", data={"step": step, "values": values}))
                self._pending.clear()
                self._next_point = step + max(1, total_steps // MAX_POINTS)
            if preview:
                job.preview_step = step
                session.add(Event(job_id=job.id, type="preview", data={"step": step, "url": preview_url(job.id, step)}))
            cancel = job.cancel_requested
        if cancel:
            raise JobCancelled
        return eta
