"""Drawing images with a version, and the images that were drawn."""

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Path, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, model_validator

from atelier.api.deps import IMMUTABLE, PngDep, ServicesDep, VersionDep
from atelier.api.problems import problems
from atelier.errors import Invalid, NotFound
from atelier.models.artifact import Manifest
from atelier.serving.engine import Weights
from atelier.serving.images import encode, grid, image_id, keep, path_of
from atelier.serving.requests import Wishes, abilities, resolve

router = APIRouter(tags=["images"])

MAX_COUNT = 64
Seed = Annotated[int, Field(ge=0, le=2**53 - 1)]  # what JSON keeps exactly everywhere


class ImagesIn(Wishes):
    """What to draw. The i-th image has the seed `seed + i`, or `seeds[i]`, and is the same when it is drawn alone."""

    count: int = Field(1, ge=1, le=MAX_COUNT)
    """How many images."""
    seed: Seed | None = None
    """Seed of the first image; one is chosen, and told, where neither this nor `seeds` is given."""
    seeds: list[Seed] | None = Field(None, min_length=1, max_length=MAX_COUNT)
    """A seed for each image, in place of `count` and `seed`."""
    format: Literal["png"] = "png"

    @model_validator(mode="after")
    def _agree(self) -> "ImagesIn":
        if self.seeds is not None and ("seed" in self.model_fields_set or "count" in self.model_fields_set):
            raise Invalid.at("/seeds", "give either seeds, or count and seed")
        return self

    def all_seeds(self) -> list[int]:
        if self.seeds is not None:
            return self.seeds
        first = secrets.randbelow(2**31) if self.seed is None else self.seed
        return list(range(first, first + self.count))


EXAMPLES: dict[str, Any] = {
    "four": {"summary": "Four images from one seed on", "value": {"count": 4, "seed": 1}},
    "class": {"summary": "A class by its number", "value": {"count": 4, "seed": 1, "class_index": 3}},
    "mixture": {"summary": "A mixture of two classes", "value": {"count": 4, "seed": 1, "class_weights": {"three": 0.5, "eight": 0.5}}},
    "prompt": {"summary": "What a sentence says", "value": {"count": 4, "seed": 1, "prompt": "a red star"}},
    "attributes": {"summary": "Attributes", "value": {"count": 4, "seed": 1, "attributes": {"star": 1, "red": 1, "size": 0.8}}},
    "dial": {"summary": "Turned until it is seen to be red", "value": {"count": 4, "seed": 1, "dial": {"red": 0.9}}},
    "style": {"summary": "Nearer to the mean image", "value": {"count": 4, "seed": 1, "truncation_psi": 0.7, "noise_mode": "const"}},
}


class ImageParametersOut(BaseModel):
    """All that decides an image. What is not here was not asked for; a class asked for by its index is told by its name."""

    model: str
    version: int
    seed: int
    prompt: str | None = None
    negative_prompt: str | None = None
    prompt_weights: dict[str, float] | None = None
    class_weights: dict[str, float] | None = None
    attributes: dict[str, float] | None = None
    truncation_psi: float | None = None
    truncation_cutoff: int | None = None
    noise_mode: str | None = None
    dial: dict[str, float] | None = None
    classifier: str | None = None


class ImageOut(BaseModel):
    """An image that was drawn."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Names the content: the same weights and parameters have the same id."""
    url: str
    seed: int
    parameters: ImageParametersOut


class ImagesOut(BaseModel):
    """The images of one request, in its order."""

    items: list[ImageOut]


@router.post(
    "/models/{name}/versions/{number}/images",
    operation_id="draw_images",
    response_model=ImagesOut,
    response_model_exclude_none=True,
    responses={200: {"content": {"image/png": {}}}, **problems(404, 422, 503)},
)
async def draw_images(
    version: VersionDep, body: Annotated[ImagesIn, Body(openapi_examples=EXAMPLES)], as_png: PngDep, services: ServicesDep
) -> ImagesOut | Response:
    """Draw images. `Accept: image/png` gets the picture, a grid when there are several; else a list with their URLs."""
    of_version = {"model": version.model.name, "version": version.number}
    manifest = Manifest.model_validate(version.manifest)
    request = resolve(body, await run_in_threadpool(abilities, f"{version.model.name}@{version.number}", manifest, services.store))
    seeds = body.all_seeds()
    rows = [request.row(seed, **of_version) for seed in seeds]
    ids = [image_id(version.digest, request.identity(seed)) for seed in seeds]
    paths = {identity: path_of(services.store.images, identity) for identity in ids}

    missing = {identity: row for identity, row in zip(ids, rows, strict=True) if not paths[identity].exists()}
    if missing:
        weights = Weights(services.store.version(version.model.name, version.number), version.digest)
        pngs = await services.engine.draw(weights, list(missing.values()))
        for identity, png in zip(missing, pngs, strict=True):
            await run_in_threadpool(keep, paths[identity], png)

    if not as_png:
        made = zip(ids, rows, strict=True)
        return ImagesOut(
            items=[ImageOut(id=i, url=f"/api/v1/images/{i}", seed=row["seed"], parameters=row["parameters"]) for i, row in made]
        )
    if len(ids) == 1:
        return FileResponse(paths[ids[0]])

    def sheet() -> bytes:
        parameters = {**of_version, "seeds": seeds, **request.parameters}
        return encode(grid([Image.open(paths[identity]) for identity in ids]), parameters)

    return Response(await run_in_threadpool(sheet), media_type="image/png")


@router.get(
    "/images/{image_id}",
    operation_id="get_image",
    response_class=FileResponse,
    responses={200: {"content": {"image/png": {}}}, 304: {"description": "Not modified."}, **problems(404, 422)},
)
def get_image(
    image_id: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="Id of the image.")],
    services: ServicesDep,
    if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """An image that was drawn; its parameters ride in the text chunk `parameters`."""
    path = path_of(services.store.images, image_id)
    if not path.is_file():
        raise NotFound(f"There is no image {image_id}.")
    headers = {"ETag": f'"{image_id}"', "Cache-Control": IMMUTABLE}
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    return FileResponse(path, headers=headers, media_type="image/png")
