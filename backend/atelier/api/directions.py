"""Directions of a version's latents: sliders that a discovery has found, and that people name, put aside and remove."""

from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from atelier.api.deps import ServicesDep, VersionDep
from atelier.api.pages import Page
from atelier.api.problems import problems
from atelier.errors import NotFound
from atelier.registry.tables import Version
from atelier.steering.directions import Facts, read_description, update

router = APIRouter(prefix="/models/{name}/versions/{number}/directions", tags=["discoveries"])

DirectionId = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$", description="Id of the direction.")]
EXAMPLES: dict[str, Any] = {
    "name": {"summary": "Call it what it does", "value": {"name": "thickness"}},
    "hide": {"summary": "Put it aside", "value": {"hidden": True}},
}


class DirectionOut(Facts):
    """A direction of a version's latents: a slider from -3 to 3."""

    strip_url: str | None
    """Four images, each from one end of the slider to the other in seven steps."""


class DirectionChangesIn(BaseModel):
    """What can be changed about a direction."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    """What to call it."""
    hidden: bool | None = Field(None)
    """Whether to put it aside."""


def _out(version: Version, facts: Facts) -> DirectionOut:
    path = f"/api/v1/models/{version.model.name}/versions/{version.number}/directions/{facts.id}/strip.png"
    return DirectionOut(**facts.model_dump(), strip_url=None if facts.strip is None else f"{path}?{facts.strip.partition('.')[0]}")


def _none(version: Version, identity: str, folder: FilePath) -> NotFound:
    description = read_description(folder)
    called = f"{version.model.name}@{version.number}"
    if description is None:
        return NotFound(f"Directions of {called} have not been looked for yet: run a discovery first.")
    there = ", ".join(facts.id for facts in description.directions) or "none"
    return NotFound(f"{called} has no direction {identity!r}; there are {there}.")


@router.get("", operation_id="list_directions", responses=problems(404, 422))
def list_directions(version: VersionDep, services: ServicesDep) -> Page[DirectionOut]:
    """What sliders a discovery has found for the version; those that were put aside as well."""
    description = read_description(services.store.directions(version.digest))
    return Page(items=[_out(version, facts) for facts in description.directions] if description else [], next_cursor=None)


@router.patch("/{direction_id}", operation_id="change_direction", responses=problems(404, 422))
def change_direction(
    version: VersionDep,
    direction_id: DirectionId,
    services: ServicesDep,
    body: Annotated[DirectionChangesIn, Body(openapi_examples=EXAMPLES)],
) -> DirectionOut:
    """Name a direction, or put it aside; found anew, it keeps its name."""
    folder = services.store.directions(version.digest)
    facts = update(folder, direction_id, name=body.name, hidden=body.hidden)
    if facts is None:
        raise _none(version, direction_id, folder)
    return _out(version, facts)


@router.delete("/{direction_id}", operation_id="remove_direction", status_code=204, responses=problems(403, 404, 422))
def remove_direction(version: VersionDep, direction_id: DirectionId, services: ServicesDep) -> None:
    """Remove a direction, until a discovery looks for it `again`."""
    folder = services.store.directions(version.digest)
    if update(folder, direction_id, removed=True) is None:
        raise _none(version, direction_id, folder)


@router.get(
    "/{direction_id}/strip.png",
    operation_id="get_direction_strip",
    response_class=FileResponse,
    responses={200: {"content": {"image/png": {}}}, **problems(404, 422)},
)
def get_direction_strip(version: VersionDep, direction_id: DirectionId, services: ServicesDep) -> FileResponse:
    """What the direction does: four images, each from one end of the slider to the other."""
    folder = services.store.directions(version.digest)
    description = read_description(folder)
    facts = next((facts for facts in description.directions if facts.id == direction_id), None) if description else None
    if facts is None or facts.strip is None or not (folder / facts.strip).is_file():
        raise _none(version, direction_id, folder)
    return FileResponse(folder / facts.strip, media_type="image/png", headers={"Cache-Control": "no-cache"})
