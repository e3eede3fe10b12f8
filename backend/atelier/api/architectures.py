"""Architectures: what can be trained, and all that can be chosen about it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict

from atelier.api.pages import Page
from atelier.api.problems import problems
from atelier.errors import NotFound
from atelier.models import architectures
from atelier.models.base import Conditioning, GenerativeModel

router = APIRouter(prefix="/architectures", tags=["architectures"])


class ArchitectureOut(BaseModel):
    """A kind of generative model."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    title: str
    summary: str
    paper: str
    """URL of the publication."""
    conditioning: Conditioning
    """What an image can be asked for by; where there is a hyper-parameter `conditions`, it chooses another."""
    options: list[str]
    """What else can be chosen of an image, such as truncation_psi."""
    hyperparameters: dict[str, Any]
    """JSON Schema: type, bounds, default and a sentence for each."""
    presets: dict[str, dict[str, Any]]
    """By name, the values that differ from the defaults."""


def _out(cls: type[GenerativeModel]) -> ArchitectureOut:
    return ArchitectureOut(
        name=cls.name,
        title=cls.title,
        summary=cls.summary(),
        paper=cls.paper,
        conditioning=cls.conditioning,
        options=list(cls.options),
        hyperparameters=cls.Hyperparameters.model_json_schema(),
        presets={name: dict(values) for name, values in cls.presets.items()},
    )


@router.get("", operation_id="list_architectures")
def list_architectures() -> Page[ArchitectureOut]:
    """What can be trained."""
    return Page(items=[_out(cls) for cls in architectures.values()], next_cursor=None)


@router.get("/{name}", operation_id="get_architecture", responses=problems(404))
def get_architecture(name: Annotated[str, Path(description="Name of the architecture.")]) -> ArchitectureOut:
    """One architecture."""
    if name not in architectures:
        raise NotFound(f"There is no architecture {name!r}; there are {', '.join(architectures)}.")
    return _out(architectures[name])
