"""The one place where jobs are put into the queue, for API and command line alike."""

import hashlib
import json
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, get_args

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from atelier.datasets.base import Dataset
from atelier.datasets.catalog import Catalog, datasets
from atelier.datasets.downloads import downloads
from atelier.datasets.layouts import layouts
from atelier.errors import Conflict, Invalid, NotFound
from atelier.featurefiles import missing
from atelier.jobs.fitting import unfit_for_training
from atelier.jobs.pictures import check_picture
from atelier.jobs.specs import (
    DiscoverRequest,
    DiscoverSpec,
    Evaluation,
    Finding,
    PrepareRequest,
    StylizeRequest,
    StylizeSpec,
    TrainRequest,
    TrainSpec,
)
from atelier.models import architectures
from atelier.models.artifact import DatasetManifest, Manifest
from atelier.models.base import Conditioning, GenerativeModel
from atelier.registry import queries
from atelier.registry.naming import parse
from atelier.registry.store import Store
from atelier.registry.tables import FINISHED, Job
from atelier.serving.requests import Abilities
from atelier.steering import directions
from atelier.steering.classifier import read_description
from atelier.styletransfer import methods
from atelier.text.captions import source_of

# These run inside a write transaction; an async session calls them as `await session.run_sync(submit_training, request, …)`.
# The same idempotency key with the same request returns the job of the first time.


def submit_training(session: Session, request: TrainRequest, catalog: Catalog, *, idempotency_key: str | None = None) -> Job:
    """Validate the request against what exists and queue it.

    Raises:
        Invalid: with a pointer to everything that is wrong.
    """

    def job() -> Job:
        spec = _resolve(session, request, catalog)
        return Job(
            kind="train",
            spec=spec.model_dump(mode="json"),
            architecture=spec.architecture,
            dataset=spec.dataset,
            model=spec.model,
            priority=spec.priority,
            total_steps=spec.hyperparameters["steps"],
        )

    return once(session, job, request.model_dump(mode="json"), idempotency_key)


def retry(session: Session, job: Job, *, idempotency_key: str | None = None) -> Job:
    """Queue the same once more, from the beginning; the job itself stays what it is.

    Raises:
        Conflict: it is not over: it waits, runs, or is paused.
    """

    def again() -> Job:
        if job.status not in (*FINISHED, "interrupted"):
            raise job.conflict("retried")
        return _like(job, retry_of=job.id)

    return once(session, again, {"retry": job.id}, idempotency_key)


def continue_training(session: Session, job: Job, steps: int, *, checkpoint: bool, idempotency_key: str | None = None) -> Job:
    """Queue a run that begins where a finished one ended, and trains so many steps more; it gives the same model a further version.

    Raises:
        Conflict: the run has not succeeded, or its checkpoint is gone.
    """

    def further() -> Job:
        if job.status != "succeeded":
            raise job.conflict("continued")
        if not checkpoint:
            raise Conflict(f"The checkpoint of job {job.id} is gone, so it cannot be continued; a new run can start from its version.")
        return _like(job, continues=job.id, more_steps=steps)

    return once(session, further, {"continue": job.id, "steps": steps}, idempotency_key)


def submit_preparation(
    session: Session, request: PrepareRequest, catalog: Catalog, *, idempotency_key: str | None = None, content: str | None = None
) -> Job:
    """Queue the preparation of a data set. `content` tells one upload from another, whatever the store calls it.

    Raises:
        Conflict: the name belongs to another set.
        Invalid: with a pointer to everything that is wrong.
    """

    def job() -> Job:
        check_dataset_name(session, request.name, catalog)
        errors = []
        if request.layout is not None and request.layout not in layouts:
            errors.append({"pointer": "/layout", "detail": f"There is no layout {request.layout!r}; there are {', '.join(layouts)}."})
        if request.download is not None and request.download not in downloads:
            detail = f"{request.download!r} can't be downloaded; {', '.join(downloads)} can."
            errors.append({"pointer": "/download", "detail": detail})
        if errors:
            raise Invalid("; ".join(error["detail"] for error in errors), errors)
        return Job(kind="prepare", spec=request.model_dump(mode="json"), dataset=request.name)

    said = request.model_dump(mode="json") | {"upload": content}
    return once(session, job, said, idempotency_key)


def submit_discovery(
    session: Session, request: DiscoverRequest, catalog: Catalog, store: Store, *, idempotency_key: str | None = None
) -> Job:
    """Queue the search for what can be turned in a version's images; where it is known, the job has succeeded at once.

    Raises:
        NotFound: there is no such version.
        Invalid: its data set has nothing to see, or is gone.
    """

    def job() -> Job:
        version = session.scalar(queries.version(request.model, request.version))
        if version is None:
            raise NotFound(f"There is no version {request.model}@{request.version}.")
        of = Manifest.model_validate(version.manifest).dataset
        classified = read_description(store.classifier(of.fingerprint)) is not None
        unseen = None if classified and not request.again else _unseen(of, catalog, store)
        if unseen is not None and request.methods is not None and {"classifier", "interfacegan"} & set(request.methods):
            raise Invalid.at("/model", unseen)
        methods = request.methods or tuple(how for how in get_args(Finding) if unseen is None or how in ("sefa", "pca"))
        spec = DiscoverSpec(model=request.model, version=version.number, methods=methods, again=request.again)
        found = Job(kind="discover", status="queued", spec=spec.model_dump(mode="json"), dataset=version.dataset, model=request.model)
        description = directions.read_description(store.directions(version.digest))
        known = {*(description.tried if description else ()), *(["classifier"] if classified else ())}
        if not request.again and known >= set(methods):
            found.spare()
        return found

    return once(session, job, {"discover": request.model_dump(mode="json")}, idempotency_key)


def _unseen(of: DatasetManifest, catalog: Catalog, store: Store) -> str | None:
    """Why no classifier can be trained of what a version was trained on; None where one can."""
    try:
        dataset = catalog.open(of.name, of.options)
    except ValueError:
        if not (store.datasets / of.fingerprint).is_dir():
            return f"The data set {of.name}, which it was trained on, is not there any more."
        named = bool(of.class_names or of.attribute_names)
    else:
        named = bool(dataset.class_names or dataset.attribute_names)
    return None if named else f"The data set {of.name} has neither classes nor attributes, so there is nothing to find."


def submit_stylization(session: Session, request: StylizeRequest, store: Store, *, idempotency_key: str | None = None) -> Job:
    """Queue a style transfer.

    Raises:
        Invalid: with a pointer to everything that is wrong.
    """

    def job() -> Job:
        errors: list[dict[str, str]] = []
        references = [("/content", request.content, False)]
        for index, style in enumerate(request.styles):
            references.append((f"/styles/{index}/picture", style.picture, True))
            if style.mask is not None:
                references.append((f"/styles/{index}/mask", style.mask, False))
        for pointer, reference, builtin in references:
            try:
                check_picture(store, reference, pointer, builtin=builtin)
            except Invalid as error:
                errors += error.errors
        method = methods.get(request.method)
        chosen: dict[str, Any] = {}
        if method is None:
            errors.append({"pointer": "/method", "detail": f"There is no method {request.method!r}; there are {', '.join(methods)}."})
        else:
            try:
                chosen = method.Hyperparameters.model_validate(request.hyperparameters).model_dump(mode="json")
            except ValidationError as error:
                errors += Invalid.of(error, "/hyperparameters").errors
        absent = missing(chosen.get("network", ""), store.features)
        if absent is not None:
            errors.append({"pointer": "/hyperparameters/network", "detail": absent})
        if errors:
            raise Invalid("; ".join(error["detail"] for error in errors), errors)
        spec = StylizeSpec.model_validate({**request.model_dump(), "hyperparameters": chosen})
        return Job(kind="stylize", spec=spec.model_dump(mode="json"), priority=spec.priority)

    return once(session, job, {"stylize": request.model_dump(mode="json")}, idempotency_key)


def check_dataset_name(session: Session, name: str, catalog: Catalog) -> None:
    """
    Raises:
        Conflict: the name is taken, or will be in a moment.
    """
    if name in datasets:
        raise Conflict(f"{name} is the name of a built-in data set; choose another one.")
    if name in catalog:
        raise Conflict(f"There is a data set {name} already; remove it first, or choose another name.")
    other = session.scalar(select(Job).where(Job.kind == "prepare", Job.dataset == name, Job.status.not_in(FINISHED)))
    if other is not None:
        raise Conflict(f"Job {other.id} is preparing a data set {name}; choose another name, or cancel it first.")


def _like(job: Job, *, retry_of: int | None = None, continues: int | None = None, more_steps: int = 0) -> Job:
    further = {} if continues is None else {"continues": continues, "more_steps": more_steps}
    return Job(
        kind=job.kind,
        spec=job.spec | further,
        architecture=job.architecture,
        dataset=job.dataset,
        model=job.model,
        priority=job.priority,
        total_steps=job.total_steps if continues is None else job.step + more_steps,
        retry_of=retry_of,
        continues=continues if continues is not None else job.continues,
    )


def once(session: Session, make: Callable[[], Job], request: dict[str, Any], idempotency_key: str | None) -> Job:
    """Queue the job, unless this key has queued it before.

    Raises:
        Invalid: the key was used for another request.
    """
    request_hash = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    if idempotency_key is not None:
        known = session.scalar(select(Job).where(Job.idempotency_key == idempotency_key))
        if known is not None:
            if known.request_hash != request_hash:
                raise Invalid("This Idempotency-Key was used for another request.")
            return known
    job = make()
    job.idempotency_key, job.request_hash = idempotency_key, request_hash
    session.add(job)
    session.flush()
    return job


def _cannot_condition(cls: type[GenerativeModel], dataset: Dataset, wanted: Conditioning, others: Sequence[str]) -> str:
    """What to say of a data set without what images are to be asked for by; `others` are of the other kind."""
    none, other = ("classes", "attributes") if wanted == "class" else ("attributes", "class")
    field = cls.Hyperparameters.model_fields.get("conditions")
    instead = (
        f'; set the hyper-parameter conditions to "{other}", which they have'
        if others and field and other in get_args(field.annotation)
        else ""
    )
    return f"{cls.title} learns to draw by {none}, and the pictures of {dataset.name} have none{instead}."


def _resolve(session: Session, request: TrainRequest, catalog: Catalog) -> TrainSpec:
    errors: list[dict[str, str]] = []
    resolved: dict[str, Any] = {}

    def wrong(pointer: str, detail: str) -> None:
        errors.append({"pointer": pointer, "detail": detail})

    architecture = architectures.get(request.architecture)
    if architecture is None:
        wrong("/architecture", f"There is no architecture {request.architecture!r}; there are {', '.join(architectures)}.")
    elif request.preset not in architecture.presets:
        wrong("/preset", f"{architecture.name} has no preset {request.preset!r}; it has {', '.join(architecture.presets)}.")
    else:
        try:
            chosen = {**architecture.presets[request.preset], **request.hyperparameters}
            resolved["hyperparameters"] = architecture.Hyperparameters.model_validate(chosen).model_dump(mode="json")
        except ValidationError as error:
            errors += Invalid.of(error, "/hyperparameters").errors

    if request.dataset not in catalog:
        wrong("/dataset", f"There is no data set {request.dataset!r}; there are {', '.join(catalog.names())}.")
    else:
        try:
            dataset = catalog.open(request.dataset, request.dataset_options)
            resolved["dataset_options"] = dataset.options.model_dump(mode="json")
            if architecture is not None and "hyperparameters" in resolved:
                conditioning = architecture.conditioned_on(architecture.Hyperparameters.model_validate(resolved["hyperparameters"]))
                if conditioning == "class" and len(dataset.class_names) < 2:
                    wrong("/dataset", _cannot_condition(architecture, dataset, conditioning, dataset.attribute_names))
                elif conditioning == "attributes" and not dataset.attribute_names:
                    wrong("/dataset", _cannot_condition(architecture, dataset, conditioning, dataset.class_names[1:]))
                elif conditioning == "text" and not source_of(
                    any(item.captions for item in islice(dataset.items, 100)), dataset.class_names, dataset.attribute_names
                ):
                    detail = f"{architecture.title} learns to draw from text, and the pictures of {dataset.name} have neither captions nor "
                    wrong("/dataset", f"{detail}classes nor attributes; put a text file of its name beside each picture.")
        except ValidationError as error:
            errors += Invalid.of(error, "/dataset_options").errors
        except ValueError as error:
            wrong("/dataset_options", str(error))

    if architecture is not None and "hyperparameters" in resolved:
        conditioning = architecture.conditioned_on(architecture.Hyperparameters.model_validate(resolved["hyperparameters"]))
        can = Abilities(request.model, conditioning, (), (), architecture.options)
        scoring = request.scoring
        measured = [] if scoring is None else [("/scoring/metric", scoring.metric, scoring.num_samples)]
        measured += [(f"/evaluate/{index}", name, Evaluation().num_samples) for index, name in enumerate(request.evaluate)]
        for pointer, name, count in measured:
            if (why := unfit_for_training(name, can, count)) is not None:
                wrong(pointer, why)

    if architecture is not None and "hyperparameters" in resolved and request.start_from is None:
        needed = architecture.needs_version(architecture.Hyperparameters.model_validate(resolved["hyperparameters"]))
        if needed is not None:
            wrong("/start_from", needed)
    if request.start_from is not None:
        version = session.scalar(queries.version(*parse(request.start_from)))
        if version is None:
            wrong("/start_from", f"There is no version {request.start_from}.")
        elif version.architecture != request.architecture:
            wrong("/start_from", f"{request.start_from} is a {version.architecture}, not a {request.architecture}.")
        else:
            resolved["start_from"] = version.name

    if errors:
        raise Invalid("; ".join(error["detail"] for error in errors), errors)
    return TrainSpec.model_validate({**request.model_dump(), **resolved})
