"""The rows, and the transitions a job may make."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, get_args

from sqlalchemy import (
    JSON,
    Connection,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    delete,
    event,
    insert,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from atelier.errors import Conflict

Kind = Literal["train", "evaluate", "stylize", "prepare", "discover", "project"]
Status = Literal["queued", "starting", "running", "paused", "succeeded", "failed", "cancelled"]
EventType = Literal["job", "metrics", "preview"]

STATUSES: tuple[Status, ...] = get_args(Status)
ACTIVE: tuple[Status, ...] = ("starting", "running")  # a process stands behind the row
FINISHED: tuple[Status, ...] = ("succeeded", "failed", "cancelled")


def now() -> datetime:
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC, also where the database (SQLite) keeps no time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
        Kind: String(16),
        Status: String(16),
        EventType: String(16),
    }


class Job(Base):
    """One execution in its own process: queue, status and mailbox.

    The methods are the transitions; an impossible one raises Conflict. They touch no session, so the async
    web process and the sync job process share them. Whoever flushes a change also writes the event that
    tells of it (below): never change a job by a bulk UPDATE.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "status", "id"), {"sqlite_autoincrement": True})  # an id is never used twice

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[Kind]
    status: Mapped[Status] = mapped_column(default="queued")
    spec: Mapped[dict[str, Any]]
    architecture: Mapped[str | None] = mapped_column(String(64))
    dataset: Mapped[str | None] = mapped_column(String(64))
    model: Mapped[str | None] = mapped_column(String(64), index=True)
    version_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id", ondelete="SET NULL", use_alter=True), index=True)
    stage: Mapped[str | None] = mapped_column(String(64))
    step: Mapped[int] = mapped_column(default=0)
    total_steps: Mapped[int] = mapped_column(default=0)
    images_per_second: Mapped[float | None]
    eta_seconds: Mapped[float | None]
    preview_step: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    retry_of: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    request_hash: Mapped[str | None] = mapped_column(String(64))
    log: Mapped[str | None] = mapped_column(String(255))
    pid: Mapped[int | None]
    pid_started: Mapped[float | None]
    heartbeat_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    version: Mapped["Version | None"] = relationship(lazy="joined", foreign_keys=[version_id])

    @property
    def progress(self) -> float:
        return self.step / self.total_steps if self.total_steps else 0.0

    def claim(self, log: str, pid: int, pid_started: float) -> None:
        """queued → starting: a process stands behind the row from now on."""
        self._move("starting", "queued")
        self.log, self.pid, self.pid_started = log, pid, pid_started
        self.started_at = self.heartbeat_at = now()

    def start(self) -> None:
        """starting → running, said by the process itself."""
        self._move("running", "starting")
        self.heartbeat_at = now()

    def succeed(self, version: "Version | None" = None) -> None:
        self._move("succeeded", "running")
        self.version, self.eta_seconds, self.finished_at = version, 0.0, now()

    def fail(self, reason: str) -> None:
        """`reason` is for the user: no traceback, no path."""
        self._move("failed", "queued", "starting", "running")
        self.error, self.eta_seconds, self.finished_at = reason, None, now()

    def request_cancel(self) -> None:
        """A queued job is cancelled at once; a running one at its next step boundary. Asking twice is harmless."""
        if self.status == "queued":
            self.cancelled()
        elif self.status in ACTIVE:
            self.cancel_requested = True
        elif self.status != "cancelled":
            raise Conflict(f"Job {self.id} has already {self.status}." if self.status in FINISHED else f"Job {self.id} is {self.status}.")

    def cancelled(self) -> None:
        self._move("cancelled", "queued", "starting", "running")
        self.eta_seconds, self.finished_at = None, now()

    def _move(self, to: Status, *origins: Status) -> None:
        if self.status not in origins:
            raise Conflict(f"Job {self.id} is {self.status}; it cannot become {to}.")
        self.status = to

    def snapshot(self) -> dict[str, Any]:
        """The job as the API shows it, in JSON types."""
        return {
            "id": self.id,
            "kind": self.kind,
            "status": self.status,
            "cancel_requested": self.cancel_requested,
            "stage": self.stage,
            "step": self.step,
            "total_steps": self.total_steps,
            "progress": self.progress,
            "images_per_second": self.images_per_second,
            "eta_seconds": self.eta_seconds,
            "error": self.error,
            "retry_of": self.retry_of,
            "architecture": self.architecture,
            "dataset": self.dataset,
            "dataset_options": self.spec.get("dataset_options", {}),
            "model": self.model,
            "version": self.version.number if self.version else None,
            "preset": self.spec.get("preset"),
            "hyperparameters": self.spec.get("hyperparameters", {}),
            "seed": self.spec.get("seed"),
            "start_from": self.spec.get("start_from"),
            "preview": preview_url(self.id, self.preview_step) if self.preview_step is not None else None,
            "log": self.log,
            **{name: _json(getattr(self, name)) for name in ("created_at", "started_at", "finished_at")},
        }


def preview_url(job_id: int, step: int) -> str:
    return f"/api/v1/training-runs/{job_id}/previews/{step}.png"


def _json(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


class MetricPoint(Base):
    """One value of one series; a run keeps a bounded number of steps."""

    __tablename__ = "metric_points"

    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[float]


class Event(Base):
    """What followers of a job are told; ids grow in the order of commits, so a reader asks for those above its last."""

    __tablename__ = "events"
    __table_args__ = (Index(None, "job_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    type: Mapped[EventType]
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Model(Base):
    """A named line of versions."""

    __tablename__ = "models"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Version(Base):
    """A published artifact; its files stand in the store under versions/<model>/v<number>."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("model_id", "number"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    number: Mapped[int]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    architecture: Mapped[str] = mapped_column(String(64))
    dataset: Mapped[str] = mapped_column(String(64))
    manifest: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of weights and manifest: what an image drawn from it is a function of, beside its parameters."""
    created_at: Mapped[datetime] = mapped_column(default=now)

    model: Mapped[Model] = relationship(lazy="joined", innerjoin=True)


class DatasetRow(Base):
    """A prepared data set; its pixels stand in the store under datasets/<fingerprint>."""

    __tablename__ = "datasets"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    options: Mapped[dict[str, Any]]
    fingerprint: Mapped[str] = mapped_column(String(64), unique=True)
    resolution: Mapped[int]
    channels: Mapped[int]
    num_images: Mapped[int]
    class_names: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(default=now)


@event.listens_for(Job, "after_insert")
@event.listens_for(Job, "after_update")
def _tell(mapper: Mapper[Job], connection: Connection, job: Job) -> None:
    """A change of a job and the event that tells of it are one transaction.

    A snapshot holds everything, so it replaces the one before it: a run of days leaves one such row.
    """
    connection.execute(delete(Event).where(Event.job_id == job.id, Event.type == "job"))
    connection.execute(insert(Event).values(job_id=job.id, type="job", data=job.snapshot(), created_at=now()))
