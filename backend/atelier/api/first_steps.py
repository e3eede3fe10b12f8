"""What a newcomer has tried so far, as the server knows it: nothing is asked of the browser, and nothing told twice."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, exists, or_, select

from atelier.api.deps import ReadDep, ServicesDep
from atelier.api.pages import Page
from atelier.registry.tables import DrawnImage, Job, Kind

router = APIRouter(prefix="/first-steps", tags=["system"])

Step = Literal["train", "draw", "steer", "stylize", "score"]

STEERED = ("prompt", "class_index", "class_weights", "attributes", "dial", "directions", "latent")  # an image that has one was steered


class FirstStepOut(BaseModel):
    """Something to try with Atelier."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    step: Step
    """In the order in which one tries them: train a model, draw from one, steer what it draws, transfer a style, score a version."""
    done: bool
    """Whether somebody has done it on this server."""


def _succeeded(kind: Kind) -> ColumnElement[bool]:
    return exists().where(Job.kind == kind, Job.status == "succeeded")


async def _done(session: ReadDep, services: ServicesDep) -> dict[Step, bool]:
    await services.history.flush()  # what was drawn a moment ago counts
    steered = or_(*(DrawnImage.parameters[name].as_string().not_in(("{}", "[]")) for name in STEERED))
    asked: dict[Step, ColumnElement[bool]] = {
        "train": _succeeded("train"),
        "draw": exists().where(DrawnImage.id.is_not(None)),
        "steer": or_(exists().where(steered), _succeeded("discover"), _succeeded("project")),
        "stylize": _succeeded("stylize"),
        "score": _succeeded("evaluate"),
    }
    row = (await session.execute(select(*asked.values()))).one()
    return dict(zip(asked, map(bool, row), strict=True))


@router.get("", operation_id="list_first_steps")
def list_first_steps(done: Annotated[dict[Step, bool], Depends(_done, scope="function")]) -> Page[FirstStepOut]:
    """What there is to try, and what of it was done."""
    return Page(items=[FirstStepOut(step=step, done=is_done) for step, is_done in done.items()], next_cursor=None)
