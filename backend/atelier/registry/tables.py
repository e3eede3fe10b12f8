"""The rows, and the transitions a job may make."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    and_,
    case,
    delete,
    event,
    func,
    insert,
    inspect,
    or_,
    select,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, column_property, mapped_column, relationship
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.types import TypeDecorator

from atelier.errors import Conflict

Kind = Literal["train", "evaluate", "stylize", "prepare", "discover", "project"]
Status = Literal["queued", "starting", "running", "paused", "interrupted", "succeeded", "failed", "cancelled"]
EventType = Literal["job", "metrics", "preview"]
Better = Literal["lower", "higher"]

Lane = Literal["work", "prepare"]  # jobs of a lane wait for each other

STATUSES: tuple[Status, ...] = get_args(Status)
ACTIVE: tuple[Status, ...] = ("starting", "running")  # a process stands behind the row
FINISHED: tuple[Status, ...] = ("succeeded", "failed", "cancelled")  # for good; what is paused or interrupted waits for somebody

RESUMABLE: tuple[Kind, ...] = ("train", "stylize", "project")  # these leave checkpoints to go on from
PATHS: dict[Kind, str] = {"train": "training-runs", "stylize": "style-transfers", "project": "projections"}  # of what has previews

POSSIBLE: dict[Status, tuple[str, ...]] = {
    "queued": ("paused", "cancelled"),
    "starting": ("paused", "cancelled"),
    "running": ("paused", "cancelled"),
    "paused": ("resumed", "cancelled"),
    "interrupted": ("resumed", "retried", "cancelled"),
    "succeeded": ("continued", "retried"),
    "failed": ("resumed where it left a checkpoint", "retried"),
    "cancelled": ("retried",),
}
"""What somebody may ask for, in words."""


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
        list[dict[str, Any]]: JSON,
        Kind: String(16),
        Status: String(16),
        EventType: String(16),
        Better: String(16),
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
    priority: Mapped[int] = mapped_column(default=0)
    """Queued jobs of a higher one come first."""
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
    alarms: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """What is wrong with the training as it stands: [{"kind", "step", "message"}], messages for the user."""
    retry_of: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    continues: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    restarts: Mapped[int] = mapped_column(default=0)
    """How often it was taken up again by itself since somebody last asked for it."""
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    pause_requested: Mapped[bool] = mapped_column(default=False)
    idempotency_key: Mapped[str | None] = mapped_column(String(255), unique=True)
    request_hash: Mapped[str | None] = mapped_column(String(64))
    log: Mapped[str | None] = mapped_column(String(255))
    pid: Mapped[int | None]
    pid_started: Mapped[float | None]
    heartbeat_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    revision: Mapped[int] = mapped_column(server_default="0")
    """Counts the changes: what was read at two moments has an order, though answers that are on their way may overtake each other."""

    __mapper_args__ = {"version_id_col": revision}  # noqa: RUF012 (SQLAlchemy counts, and wants it so)

    version: Mapped["Version | None"] = relationship(lazy="joined", foreign_keys=[version_id])

    if TYPE_CHECKING:  # mapped below, where the table is known
        queue_position: Mapped[int | None]
        lane: Mapped[Lane]

    @property
    def progress(self) -> float:
        return self.step / self.total_steps if self.total_steps else 0.0

    @property
    def held_by(self) -> tuple[int | None, float | None]:
        """The process that stands behind the row, or last stood: its pid and when it started."""
        return self.pid, self.pid_started

    # What a supervisor says.

    def claim(self, log: str, pid: int, pid_started: float) -> None:
        """queued → starting: a process stands behind the row from now on. Taken up again, it is the same job, which has started before."""
        self._move("starting", "queued")
        self.log, self.pid, self.pid_started = log, pid, pid_started
        self.heartbeat_at = now()
        self.started_at = self.started_at or self.heartbeat_at

    def bury(self, reason: str) -> None:
        """The process has ended without a word: back into the queue once, at its old place; the next time it waits for somebody.

        What was asked of it before it ended is granted: it does not come back to be paused or cancelled.
        """
        if self.cancel_requested:
            self.cancelled()
        elif self.pause_requested:
            self._rest("paused", None)
        elif self.restarts == 0:
            self._rest("queued", reason)
            self.restarts += 1
        else:
            self._rest("interrupted", reason)

    # What the job's process says of itself.

    def start(self) -> None:
        """starting → running."""
        self._move("running", "starting")
        self.error, self.heartbeat_at = None, now()

    def succeed(self, version: "Version | None" = None) -> None:
        self._move("succeeded", "running")
        self.version, self.eta_seconds, self.finished_at = version, 0.0, now()

    def fail(self, reason: str) -> None:
        """`reason` is for the user: no traceback, no path. Who says so himself is not taken up again."""
        self._move("failed", "queued", "starting", "running")
        self.error, self.eta_seconds, self.finished_at = reason, None, now()

    def spare(self) -> None:
        """What it would make is there already: it has succeeded without a process."""
        self._move("succeeded", "queued")
        self.step = self.total_steps = 1
        self.started_at = self.finished_at = now()

    def cancelled(self) -> None:
        self._move("cancelled", "queued", "starting", "running", "paused", "interrupted")
        self.eta_seconds, self.finished_at = None, now()

    def put_down(self, reason: str, *, advanced: bool) -> None:
        """The process has saved where it stands and ends now, as it was asked to: by a user, or by the machine that shuts down.

        When nobody wants it paused or cancelled (any more), it goes back to the queue. Only when it has not `advanced` since it
        began does that count as a restart, so that a process which something ends again and again does not come back for ever.
        """
        if self.cancel_requested or self.pause_requested or not advanced:
            self.bury(reason)
        else:
            self._rest("queued", reason)

    # What a user asks for. Asking twice is harmless; what is impossible is a Conflict that says what is possible.

    def request_cancel(self) -> None:
        """At once where no process stands behind the job; a running one ends after its step. It wins over a pause."""
        if self.status in ACTIVE:
            self.cancel_requested, self.pause_requested = True, False
        elif self.status in ("succeeded", "failed"):
            raise self.conflict("cancelled")
        elif self.status != "cancelled":
            self.cancelled()

    def request_pause(self) -> None:
        """A queued job is paused at once; a running one after its step, when its checkpoint is saved."""
        if self.status == "queued":
            self._rest("paused", None)
        elif self.status in ACTIVE and not self.cancel_requested:
            self.pause_requested = True
        elif self.status != "paused":
            raise self.conflict("paused")

    def resume(self, *, checkpoint: bool) -> None:
        """Back to the queue, to go on from the checkpoint, or from the beginning where there is none.

        A failed job is resumed only when it has one. One that is queued or runs stays as it is, and is not paused any more.
        """
        if self.status in ("paused", "interrupted") or (self.status == "failed" and checkpoint):
            self.status, self.error, self.finished_at = "queued", None, None
            self.restarts, self.cancel_requested, self.pause_requested = 0, False, False
        elif self.status in ("queued", *ACTIVE) and not self.cancel_requested:
            self.pause_requested = False
        elif self.status == "failed":
            raise Conflict(f"Job {self.id} has failed and left no checkpoint to go on from. It can be retried.")
        else:
            raise self.conflict("resumed")

    def prioritise(self, priority: int) -> None:
        if self.status != "queued":
            raise Conflict(f"Job {self.id} is not queued: it {self._state()}. Only jobs that wait in the queue have an order.")
        self.priority = priority

    def conflict(self, wish: str) -> Conflict:
        """The error for a wish (“paused”) that this state does not allow."""
        if self.cancel_requested and self.status in ACTIVE:
            return Conflict(f"Job {self.id} is being cancelled; it cannot be {wish} any more.")
        possible = POSSIBLE[self.status]
        if self.kind != "train":
            possible = tuple(what for what in possible if what != "continued")
        if self.kind not in RESUMABLE:
            possible = tuple(what for what in possible if what != "paused" and "checkpoint" not in what)
        return Conflict(f"Job {self.id} {self._state()}; it cannot be {wish}. It can be {' or '.join(possible)}.")

    def _state(self) -> str:
        return f"has {self.status}" if self.status in ("succeeded", "failed") else f"is {self.status}"

    def _move(self, to: Status, *origins: Status) -> None:
        if self.status not in origins:
            raise Conflict(f"Job {self.id} is {self.status}; it cannot become {to}.")
        self.status = to

    def _rest(self, to: Literal["queued", "paused", "interrupted"], reason: str | None) -> None:
        """No process stands behind the job any more, and it is not finished."""
        self._move(to, "queued", *ACTIVE)
        self.error, self.eta_seconds, self.images_per_second, self.pause_requested = reason, None, None, False

    def snapshot(self) -> dict[str, Any]:
        """The job as the API shows it, in JSON types."""
        return {
            "id": self.id,
            "revision": self.revision,
            "kind": self.kind,
            "status": self.status,
            "cancel_requested": self.cancel_requested,
            "pause_requested": self.pause_requested,
            "priority": self.priority,
            "queue_position": self.queue_position if self.status == "queued" else None,
            "stage": self.stage,
            "step": self.step,
            "total_steps": self.total_steps,
            "progress": self.progress,
            "images_per_second": self.images_per_second,
            "eta_seconds": self.eta_seconds,
            "error": self.error,
            "alarms": self.alarms,
            "restarts": self.restarts,
            "retry_of": self.retry_of,
            "continues": self.continues,
            "architecture": self.architecture,
            "dataset": self.dataset,
            "dataset_options": self.spec.get("dataset_options", {}),
            "model": self.model,
            "version": self.version.number if self.version else None,
            "preset": self.spec.get("preset"),
            "hyperparameters": self.spec.get("hyperparameters", {}),
            "seed": self.spec.get("seed"),
            "start_from": self.spec.get("start_from"),
            "style_transfer": self._style_transfer() if self.kind == "stylize" else None,
            "projection": self._projection() if self.kind == "project" else None,
            "evaluation": self._evaluation() if self.kind == "evaluate" else None,
            "preview": preview_url(self, self.preview_step) if self.preview_step is not None else None,
            "log": self.log,
            **{name: _json(getattr(self, name)) for name in ("created_at", "started_at", "finished_at")},
        }

    def _projection(self) -> dict[str, Any]:
        """What a projection looks for, and once it has succeeded, what it has found and how near that is."""
        url, over = f"/api/v1/{PATHS[self.kind]}/{self.id}", self.status == "succeeded"
        asked = {name: self.spec.get(name) for name in ("picture", "version", "prompt", "class_index", "class_weights", "attributes")}
        found = {name: self.spec.get(name) if over else None for name in ("network", "distance", "psnr")}
        image = None if self.preview_step is None else f"{url}/image"
        return asked | found | {"image": image, "latent": f"{url}/latent" if over else None}

    def _style_transfer(self) -> dict[str, Any]:
        """What a style transfer is made of, and which network has drawn it."""
        made_of = {name: self.spec.get(name) for name in ("method", "content", "styles", "network")}
        picture = None if self.preview_step is None else f"/api/v1/{PATHS[self.kind]}/{self.id}/picture"
        return made_of | {"picture": picture}

    def _evaluation(self) -> dict[str, Any]:
        """What is measured, and what has been found so far."""
        names = ("subject", "metrics", "num_samples", "network", "seed", "truncation_psi", "scores")
        return {name: self.spec.get(name) for name in names} | {"version": self.spec.get("version") if self.model else None}


def preview_url(job: Job, step: int) -> str:
    return f"/api/v1/{PATHS[job.kind]}/{job.id}/previews/{step}.png"


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
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Version(Base):
    """A published artifact; its files stand in the store under versions/<model>/v<number>.

    Deleted, it lies in the bin until it is restored or purged. The row of a purged one stays, so that its number is not given again.
    """

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
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    deleted_at: Mapped[datetime | None] = mapped_column(index=True)
    """When it was put into the bin; the versions of a model that was deleted as a whole share the moment."""
    purged_at: Mapped[datetime | None]
    """When its files were given up for good."""

    model: Mapped[Model] = relationship(lazy="joined", innerjoin=True)

    @property
    def name(self) -> str:
        """cats@3."""
        return f"{self.model.name}@{self.number}"


class Alias(Base):
    """Which version of a model had an alias, since when and until when; the alias as it is now has no end."""

    __tablename__ = "aliases"
    __table_args__ = (
        Index(None, "model_id", "name", unique=True, sqlite_where=text("until IS NULL"), postgresql_where=text("until IS NULL")),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("models.id", ondelete="CASCADE"))
    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(32))
    since: Mapped[datetime] = mapped_column(default=now)
    until: Mapped[datetime | None]

    version: Mapped[Version] = relationship(lazy="joined", innerjoin=True)


class Score(Base):
    """What a metric said of pictures, with all that it depends on."""

    __tablename__ = "scores"
    __table_args__ = (Index(None, "metric", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    """The evaluation, or the training run for what is measured on the way."""
    version_id: Mapped[int | None] = mapped_column(ForeignKey("versions.id", ondelete="CASCADE"), index=True)
    model: Mapped[str | None] = mapped_column(String(64), index=True)
    step: Mapped[int | None]
    """Of the training run, for what is measured on the way."""
    subject: Mapped[str] = mapped_column(String(255))
    """What was measured, in words: cats@3, digits (test), a folder's name."""
    metric: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(128))
    better: Mapped[Better]
    value: Mapped[float]
    error: Mapped[float | None]
    """Standard error of the value."""
    num_real: Mapped[int | None]
    num_generated: Mapped[int]
    network: Mapped[str] = mapped_column(String(64))
    network_digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of its weights."""
    resize: Mapped[str] = mapped_column(Text)
    averaged: Mapped[bool | None]
    """Whether the averaged generator drew; None where none did."""
    truncation_psi: Mapped[float | None]
    seed: Mapped[int]
    real: Mapped[str | None] = mapped_column(String(255))
    """The real set in words."""
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    """Of the real set's content."""
    split: Mapped[str | None] = mapped_column(String(16))
    conventions: Mapped[dict[str, Any]]
    """All else that the number depends on and that must agree where two are compared."""
    details: Mapped[dict[str, Any]]
    """What else was found."""
    code: Mapped[dict[str, Any]]
    """Versions of Atelier and of what else decides the numbers."""
    comparable: Mapped[str] = mapped_column(String(64), index=True)
    """The same for scores that can be drawn on one axis."""
    created_at: Mapped[datetime] = mapped_column(default=now)

    version: Mapped[Version | None] = relationship(lazy="joined")


class DrawnImage(Base):
    """An image that was drawn and is kept; its file is named by the same id. It outlives its version."""

    __tablename__ = "images"
    __table_args__ = (Index(None, "model", "version", "turn"), Index(None, "favourite", "turn"))

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    """Names the content: what the weights draw from the parameters."""
    digest: Mapped[str | None] = mapped_column(String(64))
    """Of the version's weights; None where that is not known any more."""
    model: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    seed: Mapped[int] = mapped_column(BigInteger)
    parameters: Mapped[dict[str, Any]]
    """As the API tells them, and as they ride in the file."""
    words: Mapped[str] = mapped_column(Text)
    """What it is found by, in small letters."""
    width: Mapped[int]
    height: Mapped[int]
    bytes: Mapped[int]
    favourite: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str | None] = mapped_column(Text)
    turn: Mapped[int] = mapped_column(BigInteger, index=True, unique=True)
    """Grows with every drawing, also where the same image is drawn again: the order of the history, and of its pruning."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    drawn_at: Mapped[datetime] = mapped_column(default=now)
    """When it was last drawn."""


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


def _lane(kind: ColumnElement[str]) -> ColumnElement[str]:
    return case((kind == "prepare", "prepare"), else_="work")


_jobs, _ahead = Job.__table__, Job.__table__.alias("ahead")
Job.lane = column_property(_lane(_jobs.c.kind))
"""Preparations of data sets wait for each other alone: pictures can be brought while a run of days goes on."""
_place = select(func.count()).where(
    _ahead.c.status == "queued",
    _lane(_ahead.c.kind) == _lane(_jobs.c.kind),
    or_(_ahead.c.priority > _jobs.c.priority, and_(_ahead.c.priority == _jobs.c.priority, _ahead.c.id <= _jobs.c.id)),
)
Job.queue_position = column_property(case((_jobs.c.status == "queued", _place.correlate(_jobs).scalar_subquery())))
"""1 for the job that comes next, none for what is not queued; as it was when the row was read or written."""


@event.listens_for(Job, "after_insert")
def _tell_of_new(mapper: Mapper[Job], connection: Connection, job: Job) -> None:
    _tell(connection, job, moved=True)


@event.listens_for(Job, "after_update")
def _tell_of_changed(mapper: Mapper[Job], connection: Connection, job: Job) -> None:
    changed = inspect(job).attrs
    _tell(connection, job, moved=changed.status.history.has_changes() or changed.priority.history.has_changes())


def _tell(connection: Connection, job: Job, *, moved: bool) -> None:
    """A change of a job and the event that tells of it are one transaction.

    A snapshot holds everything, so it replaces the one before it: a run of days leaves one such row. When the job enters the
    queue, leaves it or overtakes, those that wait are told of their new places.
    """
    places: dict[int, int] = {}
    if moved or job.status == "queued":
        lane = "prepare" if job.kind == "prepare" else "work"
        waiting = connection.scalars(select(Job.id).where(Job.status == "queued", Job.lane == lane).order_by(Job.priority.desc(), Job.id))
        places = {job_id: place for place, job_id in enumerate(waiting, 1)}
    set_committed_value(job, "queue_position", places.get(job.id))
    told = {job.id: job.snapshot()}
    if moved:
        others = select(Event.job_id, Event.data).where(Event.type == "job", Event.job_id.in_(places.keys() - {job.id}))
        for job_id, data in connection.execute(others):
            if data["queue_position"] != places[job_id]:
                told[job_id] = data | {"queue_position": places[job_id]}
    connection.execute(delete(Event).where(Event.job_id.in_(told), Event.type == "job"))
    moment = now()
    connection.execute(insert(Event), [{"job_id": id, "type": "job", "data": data, "created_at": moment} for id, data in told.items()])
