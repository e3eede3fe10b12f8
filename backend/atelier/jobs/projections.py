"""Where projections are put into the queue, for API and command line alike."""

from sqlalchemy.orm import Session

from atelier.errors import Invalid, NotFound
from atelier.jobs.pictures import check_picture
from atelier.jobs.queue import once
from atelier.jobs.specs import ProjectRequest, ProjectSpec
from atelier.models.artifact import Manifest
from atelier.registry import queries
from atelier.registry.store import Store
from atelier.registry.tables import Job
from atelier.serving.requests import Wishes, abilities, resolve

CONDITIONS = ("prompt", "class_index", "class_weights", "attributes")


def submit_projection(session: Session, request: ProjectRequest, store: Store, *, idempotency_key: str | None = None) -> Job:
    """Queue the search for the latent that draws a picture; must run inside a write transaction.

    Raises:
        NotFound: there is no such version.
        Invalid: there is no such picture, or the version can't be asked for what it is said to show.
        pydantic.ValidationError: that is no possible wish.
    """

    def job() -> Job:
        version = session.scalar(queries.version(request.model, request.version))
        if version is None:
            raise NotFound(f"There is no version {request.model}@{request.version}.")
        errors = []
        chosen = []
        try:
            check_picture(store, request.picture, "/picture", builtin=False)
        except Invalid as error:
            errors += error.errors
        try:
            wishes = Wishes.model_validate(request.model_dump(include={*CONDITIONS}))
            can = abilities(f"{request.model}@{version.number}", Manifest.model_validate(version.manifest), store)
            chosen = resolve(wishes, can).chosen
        except Invalid as error:
            errors += error.errors
        if errors:
            raise Invalid("; ".join(error["detail"] for error in errors), errors)
        spec = ProjectSpec.model_validate({**request.model_dump(), "version": version.number, "chosen": chosen})
        return Job(
            kind="project",
            spec=spec.model_dump(mode="json"),
            architecture=version.architecture,
            dataset=version.dataset,
            model=request.model,
            priority=spec.priority,
            total_steps=spec.steps,
        )

    return once(session, job, {"project": request.model_dump(mode="json")}, idempotency_key)
