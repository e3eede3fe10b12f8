"""What a version can be asked for, so that a page shows what it can do and nothing else."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from atelier.api.deps import DrawableDep
from atelier.api.images import ImagesIn
from atelier.api.interpolations import InterpolationIn
from atelier.api.problems import problems
from atelier.api.style_mixing import StyleMixingIn
from atelier.models.base import Conditioning
from atelier.serving.schema import schema_of
from atelier.steering.paths import Block, PathSpace, blocks

router = APIRouter(tags=["images"])


class AbilitiesOut(BaseModel):
    """What images of a version can be asked for."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    conditioning: Conditioning
    takes: list[str]
    """The members of a wish that the version can fulfil, beside seeds."""
    latent_dim: int
    """How many numbers z has."""
    spaces: list[PathSpace]
    """Where walks can lead; the first is where they lead unless asked otherwise."""
    layers: dict[Block, list[int]] | None
    """Layers whose styles can be mixed; null where there are no styles."""
    images: dict[str, Any]
    """JSON Schema of the body of `POST …/images`."""
    interpolations: dict[str, Any]
    """JSON Schema of the body of `POST …/interpolations`."""
    style_mixing: dict[str, Any] | None
    """JSON Schema of the body of `POST …/style-mixing`; null where styles can't be mixed."""


@router.get("/models/{name}/versions/{number}/abilities", operation_id="get_abilities", responses=problems(404, 422))
def get_abilities(drawable: DrawableDep) -> AbilitiesOut:
    """What the version takes: schemas that hold this version's own classes, attributes, directions and bounds."""
    can = drawable.can
    styled = can.num_styles > 0
    return AbilitiesOut(
        conditioning=can.conditioning,
        takes=list(can.takes),
        latent_dim=can.latent_dim,
        spaces=["w", "z"] if styled else ["z"],
        layers={name: list(layers) for name, layers in blocks(can.num_styles).items()} if styled else None,
        images=schema_of(ImagesIn, can),
        interpolations=schema_of(InterpolationIn, can),
        style_mixing=schema_of(StyleMixingIn, can) if styled else None,
    )
