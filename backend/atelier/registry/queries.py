"""Statements, free of sessions, so that async and sync code share them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Select, false, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from atelier.registry.naming import LATEST, MAX_NUMBER, VersionName
from atelier.registry.tables import ACTIVE, Alias, Better, DrawnImage, Event, Job, Kind, Lane, MetricPoint, Model, Score, Status, Version


def queue(lane: Lane) -> Select[Job]:
    """Jobs in the order of their turns; within a write transaction nobody else can claim one of them."""
    return select(Job).where(Job.status == "queued", Job.lane == lane).order_by(Job.priority.desc(), Job.id)


def active_jobs() -> Select[Job]:
    """Jobs behind which a process stands."""
    return select(Job).where(Job.status.in_(ACTIVE)).order_by(Job.id)


def jobs(
    *,
    kind: Kind | None = None,
    status: Status | None = None,
    architecture: str | None = None,
    dataset: str | None = None,
    model: str | None = None,
    words: Sequence[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> Select[Job]:
    """Newest first; with all of the words, in small letters, in what they are about; `before` is the last id of the page before."""
    statement = select(Job).order_by(Job.id.desc()).limit(limit)
    if kind is not None:
        statement = statement.where(Job.kind == kind)
    if status is not None:
        statement = statement.where(Job.status == status)
    for column, value in {Job.architecture: architecture, Job.dataset: dataset, Job.model: model}.items():
        if value is not None:
            statement = statement.where(column == value)
    told = (Job.model, Job.architecture, Job.dataset, Job.spec["preset"].as_string())
    for word in words:
        statement = statement.where(or_(*[func.lower(column).contains(word, autoescape=True) for column in told]))
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


def models() -> Select[Model, int, Version]:
    """(Model, number of versions, newest version), newest model first; of what is not deleted."""
    newest = (
        select(Version.model_id, func.max(Version.number).label("number"), func.count().label("count"))
        .where(Version.deleted_at.is_(None))
        .group_by(Version.model_id)
        .subquery()
    )
    latest = aliased(Version)
    return (
        select(Model, newest.c.count, latest)
        .join(newest, newest.c.model_id == Model.id)
        .join(latest, (latest.model_id == Model.id) & (latest.number == newest.c.number))
        .order_by(Model.id.desc())
    )


def versions(model: str) -> Select[Version]:
    """Newest first; of what is not deleted."""
    return select(Version).join(Version.model).where(Model.name == model, Version.deleted_at.is_(None)).order_by(Version.number.desc())


def version(model: str, name: VersionName = LATEST) -> Select[Version]:
    """One version that is not deleted: by its number, the latest, or the one with that alias."""
    statement = versions(model).limit(1)
    match name:
        case int():
            return statement.where(Version.number == name if name <= MAX_NUMBER else false())
        case "latest":
            return statement
        case alias:
            return statement.join(Alias, (Alias.version_id == Version.id) & Alias.until.is_(None)).where(Alias.name == alias)


def binned(model: str | None = None) -> Select[Version]:
    """What lies in the bin, the last deleted first."""
    statement = select(Version).join(Version.model).where(Version.deleted_at.is_not(None), Version.purged_at.is_(None))
    statement = statement.order_by(Version.deleted_at.desc(), Version.id.desc())
    return statement if model is None else statement.where(Model.name == model)


def aliases(model: str) -> Select[Alias]:
    """Which version had which alias and when, the newest first."""
    return select(Alias).join(Model, Model.id == Alias.model_id).where(Model.name == model).order_by(Alias.id.desc())


def current_aliases() -> Select[Alias]:
    """Of versions that are not deleted, by name."""
    return select(Alias).join(Alias.version).where(Alias.until.is_(None), Version.deleted_at.is_(None)).order_by(Alias.name)


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
    """Newest first, without those of deleted versions; `before` is the last id of the page before.

    `on_the_way` asks for those of runs before their end, or not.
    """
    statement = select(Score).outerjoin(Score.version).where(Version.deleted_at.is_(None)).order_by(Score.id.desc()).limit(limit)
    if version is not None:
        statement = statement.where(Version.number == version)
    if on_the_way is not None:
        statement = statement.where(Score.step.is_not(None) if on_the_way else Score.step.is_(None))
    wanted = {
        Score.model: model, Score.job_id: job, Score.metric: metric, Score.network: network, Score.comparable: comparable,
    }  # fmt: skip
    for column, value in wanted.items():
        if value is not None:
            statement = statement.where(column == value)
    return statement if before is None else statement.where(Score.id < before)


def scores_of(version_ids: Collection[int]) -> Select[Score]:
    """Of each version the last score by each metric through each network."""
    last = (
        select(func.max(Score.id))
        .where(Score.version_id.in_(version_ids), Score.step.is_(None))
        .group_by(Score.version_id, Score.metric, Score.network)
    )
    return select(Score).where(Score.id.in_(last)).order_by(Score.id)


def all_versions(
    *, architecture: str | None = None, dataset: str | None = None, alias: str | None = None, words: Sequence[str] = ()
) -> Select[Version]:
    """Of all models, in no order; with all of the words, which are in small letters, in their names, notes, aliases and origins."""
    statement = select(Version).join(Version.model).where(Version.deleted_at.is_(None))
    for column, value in {Version.architecture: architecture, Version.dataset: dataset}.items():
        if value is not None:
            statement = statement.where(column == value)
    having = select(Alias.version_id).where(Alias.until.is_(None))
    if alias is not None:
        statement = statement.where(Version.id.in_(having.where(Alias.name == alias)))
    told = (Model.name, Model.note, Version.note, Version.architecture, Version.dataset)
    for word in words:
        found = [func.lower(column).contains(word, autoescape=True) for column in told]
        statement = statement.where(or_(*found, Version.id.in_(having.where(Alias.name.contains(word, autoescape=True)))))
    return statement


def newest_first(versions: Select[Version], *, before: int | None, limit: int) -> Select[Version]:
    """`before` is the last id of the page before."""
    statement = versions.order_by(Version.id.desc()).limit(limit)
    return statement if before is None else statement.where(Version.id < before)


def longest_trained(each: int) -> Select[str, str, int]:
    """(architecture, model's name, number) of the versions that saw the most images, so many of each architecture, the most first."""
    images = Version.manifest["training"]["images_seen"].as_float()
    place = func.row_number().over(partition_by=Version.architecture, order_by=(images.desc(), Version.id.desc())).label("place")
    placed = select(Version.architecture, Model.name, Version.number, place).join(Version.model)
    ranked = placed.where(Version.deleted_at.is_(None)).subquery()
    return select(ranked.c.architecture, ranked.c.name, ranked.c.number).where(ranked.c.place <= each).order_by(ranked.c.place)


def published() -> Select[str]:
    """Digests of the versions that can be drawn with."""
    return select(Version.digest).where(Version.deleted_at.is_(None))


def trained_here(limit: int) -> Select[str, dict[str, Any]]:
    """(architecture, manifest) of the versions that runs of this server published, the newest first; of those in the bin too."""
    kept = Version.job_id.is_not(None), Version.purged_at.is_(None)
    return select(Version.architecture, Version.manifest).where(*kept).order_by(Version.id.desc()).limit(limit)


UNSCORED = 1e308  # the rank of versions without a score: behind all others


def best_first(
    versions: Select[Version], *, metric: str, network: str, better: Better, after: tuple[float, int] | None, limit: int
) -> Select[Version, float]:
    """(Version, rank) by their last scores of a metric through a network; `after` is the last (rank, id) of the page before."""
    value = (
        select(Score.value if better == "lower" else -Score.value)
        .where(Score.version_id == Version.id, Score.metric == metric, Score.network == network, Score.step.is_(None))
        .order_by(Score.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    rank = func.coalesce(value, UNSCORED)
    statement = versions.add_columns(rank).order_by(rank, Version.id.desc()).limit(limit)
    if after is None:
        return statement
    return statement.where(or_(rank > after[0], (rank == after[0]) & (Version.id < after[1])))


def versions_named(names: Collection[tuple[str, int]]) -> Select[Version]:
    """Of these models and numbers, the versions that are here."""
    named = tuple_(Model.name, Version.number).in_(names)
    return select(Version).join(Version.model).where(named, Version.deleted_at.is_(None))


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
            func.sum(DrawnImage.bytes, type_=BigInteger).over(order_by=DrawnImage.turn.desc()).label("bytes"),
        )
        .where(~DrawnImage.favourite)
        .subquery()
    )
    beyond = or_(counted.c.images > most_images, counted.c.bytes > most_bytes)
    return select(counted.c.id).where(beyond, counted.c.drawn_at < drawn_before)
