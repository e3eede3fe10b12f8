"""What a job process says about itself, one short transaction at a time, and the requests it reads while doing so."""

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypedDict

from sqlalchemy import delete
from sqlalchemy.orm import Session

from atelier.registry.database import Database
from atelier.registry.tables import Event, Job, MetricPoint, now, preview_url

MAX_POINTS = 2000  # steps of a run whose metrics are kept; between them, means
BEAT_SECONDS = 0.5


class JobStopped(Exception):
    """The job's process should end now. What it can save so that the job goes on later, it saves, unless it is cancelled."""


class JobCancelled(JobStopped):
    """Somebody asked for the end of this job, or declared it ended."""


class JobPaused(JobStopped):
    """Somebody asked for a pause; the job goes on when he says so."""


class JobInterrupted(JobStopped):
    """The machine wants the process to end; the job goes on as soon as it can."""


class Alarm(TypedDict):
    """Something is wrong with a training; `message` says what, and what to do, to the user."""

    kind: str
    step: int
    message: str


class Recorder:
    """`tick` and `beat` raise JobStopped when the job's process should end; call them where that is safe."""

    def __init__(self, database: Database, job_id: int) -> None:
        self.database, self.job_id = database, job_id
        self.interrupted = False
        """Set when the machine asks the process to end (by SIGTERM): the next tick or beat then raises JobInterrupted."""
        self.advanced = False
        """Whether there was a tick: the job stands further than where this process found it."""
        self._claim: tuple[int | None, float | None] | None = None
        self._started = time.monotonic()
        self._first_step: int | None = None
        self._first_progress = 0.0
        self._next_point = 0
        self._pending: defaultdict[str, list[float]] = defaultdict(list)
        self._last_beat = -math.inf

    @contextmanager
    def transaction(self) -> Iterator[tuple[Session, Job]]:
        """The running job's row, to change; committed at the end of the block.

        Raises:
            JobCancelled: the row has ended, or belongs to another process by now.
        """
        with self.database.write() as session:
            job = session.get(Job, self.job_id)
            if job is None or job.status != "running" or self._claim not in (None, job.held_by):
                raise JobCancelled
            self._claim = job.held_by
            job.heartbeat_at = now()
            yield session, job

    def beat(self, stage: str, step: int | None = None, total_steps: int | None = None) -> None:
        """Show that a part without steps of training is under way, and how far it is, where that is known; most calls cost nothing."""
        if time.monotonic() - self._last_beat >= BEAT_SECONDS or self.interrupted:
            self._last_beat = time.monotonic()
            with self.transaction() as (_, job):
                job.stage = stage
                if step is not None:
                    job.step = step
                if total_steps is not None:
                    job.total_steps = total_steps
            self._listen(job)

    def rewind(self, step: int) -> None:
        """Forget what an interrupted run said of steps after the checkpoint it goes on from: it will say it again."""
        with self.transaction() as (session, job):
            job.step = step
            session.execute(delete(MetricPoint).where(MetricPoint.job_id == job.id, MetricPoint.step > step))
            said = Event.data["step"].as_integer()
            session.execute(delete(Event).where(Event.job_id == job.id, Event.type.in_(("metrics", "preview")), said > step))

    def show(self, step: int) -> None:
        """Tell of a preview beside the ticks.

        Raises:
            JobCancelled: the row has ended, or belongs to another process by now.
        """
        with self.transaction() as (session, job):
            if job.preview_step != step:
                _show(session, job, step)

    def tick(
        self,
        stage: str,
        step: int,
        total_steps: int,
        images_per_second: float,
        metrics: dict[str, float],
        *,
        preview: bool = False,
        alarms: Sequence[Alarm] | None = None,
        progress: float | None = None,
    ) -> float | None:
        """Progress at a step boundary, metrics as means since the last tick; returns the estimated seconds to the end.

        `progress` is the share of the work that is done, where steps take longer and longer; else all steps count alike.
        `alarms` are those that stand now, in place of those that stood before; None leaves them as they are.
        """
        if self._first_step is None:
            self._first_step, self._started = step, time.monotonic()
            self._first_progress = progress or 0.0
        if progress is not None:
            done, left = progress - self._first_progress, 1 - progress
        else:
            done, left = step - self._first_step, total_steps - step
        eta = (time.monotonic() - self._started) / done * left if done > 0 else None
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
                _show(session, job, step)
            if alarms is not None:
                job.alarms = [dict(alarm) for alarm in alarms]
        self.advanced = True
        self._listen(job)
        return eta

    def _listen(self, job: Job) -> None:
        """To what was asked, by the row as it was just written."""
        if job.cancel_requested:
            raise JobCancelled
        if job.pause_requested:
            raise JobPaused
        if self.interrupted:
            raise JobInterrupted


def _show(session: Session, job: Job, step: int) -> None:
    job.preview_step = step
    session.add(Event(job_id=job.id, type="preview", data={"step": step, "url": preview_url(job, step)}))
