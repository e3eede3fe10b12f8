"""The one place where jobs are put into the queue, for API and command line alike."""

import hashlib
import json
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from atelier.datasets.catalog import datasets
from atelier.errors import Invalid
from atelier.jobs.specs import TrainRequest, TrainSpec
from atelier.models import architectures
from atelier.registry import queries
from atelier.registry.tables import Job


def submit_training(session: Session, request: TrainRequest, *, idempotency_key: str | None = None) -> Job:
    """Validate the request against what exists and queue it; must run inside a write transaction.

    An async session calls it as `await session.run_sync(submit_training, request, …)`. The same key with the same
    request returns the job of the first time.

    Raises:
        Invalid: with a pointer to everything that is wrong.
    """
    request_hash = hashlib.sha256(json.dumps(request.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
    if idempotency_key is not None:
        known = session.scalar(select(Job).where(Job.idempotency_key == idempotency_key))
        if known is not None:
            if known.request_hash != request_hash:
                raise Invalid("This Idempotency-Key was used for another request.")
            return known

    spec = _resolve(session, request)
    job = Job(
        kind="train",
        spec=spec.model_dump(mode="json"),
        architecture=spec.architecture,
        dataset=spec.dataset,
        model=spec.model,
        priority=spec.priority,
        total_steps=spec.hyperparameters["steps"],
        idempotency_key=idempotency_key,
        request_hash=request_hash,
    )
    session.add(job)
    session.flush()
    return job


def _resolve(session: Session, request: TrainRequest) -> TrainSpec:
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

    dataset = datasets.get(request.dataset)
    if dataset is None:
        wrong("/dataset", f"There is no data set {request.dataset!r}; there are {', '.join(datasets)}.")
    else:
        try:
            resolved["dataset_options"] = dataset.Options.model_validate(request.dataset_options).model_dump(mode="json")
        except ValidationError as error:
            errors += Invalid.of(error, "/dataset_options").errors

    if request.start_from is not None:
        model, _, number = request.start_from.partition("@")
        version = session.scalar(queries.version(model, int(number) if number.isdigit() else None))
        if version is None:
            wrong("/start_from", f"There is no version {request.start_from}.")
        elif version.architecture != request.architecture:
            wrong("/start_from", f"{request.start_from} is a {version.architecture}, not a {request.architecture}.")
        else:
            resolved["start_from"] = f"{model}@{version.number}"

    if errors:
        raise Invalid("; ".join(error["detail"] for error in errors), errors)
    return TrainSpec.model_validate({**request.model_dump(), **resolved})
