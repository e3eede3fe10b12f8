"""Statements, free of sessions, so that async and sync code share them."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Select, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from atelier.registry.tables import ACTIVE, DrawnImage, Event, Job, Kind, Lane, MetricPoint, Model, Score, Status, Version


def queue(lane: Lane) -> Select[Job]:
    """Jobs in the order of their turns; within a write transaction nobody else can claim one of them."""
    return select(Job).where(Job.status == "queued", Job.lane == lane).order_by(Job.priority.desc(), Job.id)


def active_jobs() -> Select[Job]:
    """Jobs behind which a process stands."""
    return select(Job).where(Job.status.in_(ACTIVE)).order_by(Job.id)


def jobs(*, kind: Kind | None = None, status: Status | None = None, before: int | None = None, limit: int = 50) -> Select[Job]:
    """Newest first; `before` is the last id of the page before."""
    statement = select(Job).order_by(Job.id.desc()).limit(limit)
    if kind is not None:
        statement = statement.where(Job.kind == kind)
    if status is not None:
        statement = statement.where(Job.status == status)
    if before is not None:
        statement = statement.where(Job.id < before)
    return statement


def events_after(last: int, *, job_ids: Sequence[int] | None = None, limit: int = 1000) -> Select[Event]:
    """In the order in which they happened; without ids, those of all jobs."""
    statement = select(Event).where(Event.id > last).order_by(Event.id).limit(limit)
    return statement if job_ids is None else statement.where(Event.job_id.in_(job_ids))


def previews(job_id: int) -> Select[Event]:
    return select(Event).where(Event.job_id == job_id, Event.type == "preview").order_by(Event.id)


def metric_points(job_id: int) -> Select[MetricPoint]:
    return select(MetricPoint).where(MetricPoint.job_id == job_id).order_by(MetricPoint.step, MetricPoint.name)


def models() -> Select[Model, int, Version | None]:
    """(Model, number of versions, newest Version or None), newest model first."""
    newest = (
        select(Version.model_id, func.max(Version.number).label("number"), func.count().label("count"))
        .group_by(Version.model_id)
        .subquery()
    )
    latest = aliased(Version)
    return (
        select(Model, func.coalesce(newest.c.count, 0), latest)
        .outerjoin(newest, newest.c.model_id == Model.id)
        .outerjoin(latest, (latest.model_id == Model.id) & (latest.number == newest.c.number))
        .order_by(Model.id.desc())
    )


def versions(model: str) -> Select[Version]:
    """Newest first."""
    return select(Version).join(Version.model).where(Model.name == model).order_by(Version.number.desc())


def version(model: str, number: int | None = None) -> Select[Version]:
    """One version; without a number, the latest."""
    statement = versions(model).limit(1)
    return statement if number is None else statement.where(Version.number == number)


def scores(
    *,
    model: str | None = None,
    version: int | None = None,
    job: int | None = None,
    metric: str | None = None,
    network: str | None = None,
    comparable: str | None = None,
    on_the_way: bool | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Select[Score]:
    """Newest first; `before` is the last id of the page before. `on_the_way` asks for those of runs before their end, or not."""
    statement = select(Score).order_by(Score.id.desc()).limit(limit)
    if version is not None:
        statement = statement.join(Score.version).where(Version.number == version)
    if on_the_way is not None:
        statement = statement.where(Score.step.is_not(None) if on_the_way else Score.step.is_(None))
    wanted = {
        Score.model: model, Score.job_id: job, Score.metric: metric, Score.network: network, Score.comparable: comparable,
    }  # fmt: skip
    for column, value in wanted.items():
        if value is not None:
            statement = statement.where(column == value)
    return statement if before is None else statement.where(Score.id < before)


def versions_named(names: Collection[tuple[str, int]]) -> Select[Version]:
    """Of these models and numbers, the versions that are here."""
    return select(Version).join(Version.model).where(tuple_(Model.name, Version.number).in_(names))


def drawn_images(identities: Collection[str]) -> Select[DrawnImage]:
    return select(DrawnImage).where(DrawnImage.id.in_(identities))


def history(
    *,
    model: str | None = None,
    version: int | None = None,
    favourite: bool | None = None,
    words: Sequence[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> Select[DrawnImage]:
    """Last drawn first; with all of the words, which are in small letters; `before` is the last turn of the page before."""
    statement = select(DrawnImage).order_by(DrawnImage.turn.desc()).limit(limit)
    for column, value in {DrawnImage.model: model, DrawnImage.version: version, DrawnImage.favourite: favourite}.items():
        if value is not None:
            statement = statement.where(column == value)
    for word in words:
        statement = statement.where(DrawnImage.words.contains(word, autoescape=True))
    return statement if before is None else statement.where(DrawnImage.turn < before)


def images_beyond(most_images: int, most_bytes: int, drawn_before: datetime) -> Select[str]:
    """The ids that stand beyond either limit when images, favourites aside, are counted from the last drawn on; not the younger ones."""
    counted = (
        select(
            DrawnImage.id,
            DrawnImage.drawn_at,
            func.row_number().over(order_by=DrawnImage.turn.desc()).label("images"),
            func.sum(DrawnImage.bytes).over(order_by=DrawnImage.turn.desc()).label("bytes"),
        )
        .where(~DrawnImage.favourite)
        .subquery()
    )
    beyond = or_(counted.c.images > most_images, counted.c.bytes > most_bytes)
    return select(counted.c.id).where(beyond, counted.c.drawn_at < drawn_before)
