"""What a version makes of a prompt: which captions it resembles, of which pictures, and whether it resembles any."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Response
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from atelier.api.deps import MAX_ID, ServicesDep, VersionDep
from atelier.api.problems import problems
from atelier.datasets.catalog import Catalog
from atelier.errors import Invalid, NotFound
from atelier.models.artifact import Manifest
from atelier.serving.images import encode
from atelier.serving.requests import Prompt
from atelier.text.memory import Reading

router = APIRouter(prefix="/models/{name}/versions/{number}", tags=["images"])


class PromptsIn(BaseModel):
    """Prompts to look at, without drawing them."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    prompts: list[Prompt] = Field(min_length=1, max_length=8)
    """In words, as one would draw them."""


EXAMPLES: dict[str, Any] = {"one": {"summary": "One prompt", "value": {"prompts": ["a red star on a black background"]}}}


class NeighbourOut(BaseModel):
    """A caption that the version learned from."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    caption: str
    similarity: float
    """Cosine of the two sentences, 1 for the same."""
    picture_url: str
    """A picture that it was said of."""


class ReadingOut(BaseModel):
    """What the version makes of a prompt."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    prompt: str
    nearest: list[NeighbourOut]
    """The captions that are nearest, each of another picture: what a result resembles may be memory."""
    unknown_words: list[str]
    """Words that stand in no caption."""
    warning: str | None
    """Where the prompt is far from everything that was learned."""


class ReadingsOut(BaseModel):
    """One for each prompt, in their order."""

    items: list[ReadingOut]


@router.post("/prompts", operation_id="read_prompts", responses=problems(404, 422, 429, 503))
async def read_prompts(
    version: VersionDep, body: Annotated[PromptsIn, Body(openapi_examples=EXAMPLES)], services: ServicesDep
) -> ReadingsOut:
    """The training captions nearest to each prompt, with their pictures, and a warning when nothing is near."""
    name = f"{version.model.name}@{version.number}"
    drawable = services.drawables.get(version.model.name, version.number) or await services.drawables.learn(version)
    if drawable.can.conditioning != "text":
        raise Invalid.at("/prompts", drawable.can.words())
    readings = await services.engine.read(drawable.weights, body.prompts)
    known = [reading for reading in readings if reading is not None]
    if len(known) < len(readings):
        raise NotFound(f"{name} was published without the captions that it learned from.")
    return ReadingsOut(items=[_out(reading, f"/api/v1/models/{version.model.name}/versions/{version.number}") for reading in known])


def _out(reading: Reading, version_url: str) -> ReadingOut:
    unknown, warning = reading["unknown_words"], None
    if unknown:
        words = ", ".join(f"“{word}”" for word in unknown)
        warning = f"{words} {'stands' if len(unknown) == 1 else 'stand'} in no caption that it learned from."
    if reading["far"]:
        warning = f"{warning + ' ' if warning else ''}The prompt is far from all that it learned from: expect little of the picture."
    nearest = [
        NeighbourOut(
            caption=near["caption"], similarity=near["similarity"], picture_url=f"{version_url}/training-pictures/{near['picture']}"
        )
        for near in reading["nearest"]
    ]
    return ReadingOut(prompt=reading["prompt"], nearest=nearest, unknown_words=unknown, warning=warning)


@router.get(
    "/training-pictures/{index}",
    operation_id="get_training_picture",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, **problems(404, 422)},
)
def get_training_picture(version: VersionDep, index: Annotated[int, Path(ge=0, le=MAX_ID)], services: ServicesDep) -> Response:
    """A picture of the data set that the version learned from, at the version's resolution."""
    manifest = Manifest.model_validate(version.manifest)
    pixels = _picture(services.catalog, manifest, index)
    png = encode(Image.fromarray(pixels), {"dataset": manifest.dataset.name, "index": index})
    return Response(png, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})


def _picture(catalog: Catalog, manifest: Manifest, index: int) -> Any:
    """
    Raises:
        NotFound: the data set is gone, or is not what it was.
    """
    try:
        dataset = catalog.open(manifest.dataset.name, manifest.dataset.options)
        if index >= len(dataset):
            raise NotFound(f"{dataset.name} has pictures 0 to {len(dataset) - 1}, none with the number {index}.")
        pixels = dataset.draw(index, manifest.image.resolution)
    except (ValueError, FileNotFoundError) as error:
        raise NotFound(f"The data set {manifest.dataset.name} is not there any more, or not what it was.") from error
    return pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels
