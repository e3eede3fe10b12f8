"""Data sets: what there is, and what their pictures look like."""

import functools
import hashlib
import random
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from PIL import Image
from pydantic import BaseModel, ConfigDict

from atelier.api.deps import MAX_ID, PngDep
from atelier.api.pages import Page
from atelier.api.problems import problems
from atelier.datasets.base import Dataset
from atelier.datasets.catalog import datasets, open_dataset
from atelier.errors import NotFound
from atelier.serving.images import encode, grid

router = APIRouter(prefix="/datasets", tags=["data sets"])

Resolution = Annotated[int, Query(ge=8, le=512, description="Height and width in pixels.")]


class DatasetOut(BaseModel):
    """A data set, with its default options."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    title: str
    summary: str
    licence: str
    options: dict[str, Any]
    """JSON Schema of what can be chosen as `dataset_options`."""
    num_images: int
    class_names: list[str]
    channels: int
    """1 grey, 3 RGB."""


class SampleOut(BaseModel):
    """One picture of a data set and what is known of it."""

    index: int
    label: int
    class_name: str | None
    caption: str | None
    url: str


@functools.cache
def _opened(name: str) -> Dataset:
    return open_dataset(name, {})


def _known(name: Annotated[str, Path(description="Name of the data set.")]) -> Dataset:
    if name not in datasets:
        raise NotFound(f"There is no data set {name!r}; there are {', '.join(datasets)}.")
    return _opened(name)


DatasetDep = Annotated[Dataset, Depends(_known)]


def _out(dataset: Dataset) -> DatasetOut:
    return DatasetOut(
        name=dataset.name,
        title=dataset.title,
        summary=dataset.summary(),
        licence=dataset.licence,
        options=dataset.Options.model_json_schema(),
        num_images=len(dataset),
        class_names=list(dataset.class_names),
        channels=dataset.channels,
    )


def _draw(dataset: Dataset, index: int, resolution: int) -> Image.Image:
    pixels = dataset.draw(index, resolution)  # uint8 [H, W, C]
    return Image.fromarray(pixels.squeeze(-1) if dataset.channels == 1 else pixels)


@router.get("", operation_id="list_datasets")
def list_datasets() -> Page[DatasetOut]:
    """What there is to train on."""
    return Page(items=[_out(_opened(name)) for name in datasets], next_cursor=None)


@router.get("/{name}", operation_id="get_dataset", responses=problems(404))
def get_dataset(dataset: DatasetDep) -> DatasetOut:
    """One data set."""
    return _out(dataset)


@router.get(
    "/{name}/samples",
    operation_id="sample_dataset",
    response_model=Page[SampleOut],
    responses={200: {"content": {"image/png": {}}}, **problems(404, 422)},
)
def sample_dataset(
    dataset: DatasetDep,
    as_png: PngDep,
    count: Annotated[int, Query(ge=1, le=256, description="How many pictures.")] = 16,
    resolution: Resolution = 64,
    seed: Annotated[int, Query(ge=0, le=MAX_ID, description="Decides which pictures.")] = 0,
) -> Page[SampleOut] | Response:
    """Some pictures, chosen at random: a grid for `Accept: image/png`, else a list with their URLs."""
    chosen = random.Random(seed).sample(range(len(dataset)), min(count, len(dataset)))
    if as_png:
        sheet = grid([_draw(dataset, index, resolution) for index in chosen])
        return Response(encode(sheet, {"dataset": dataset.name, "indices": chosen}), media_type="image/png")
    items = [dataset.items[index] for index in chosen]
    return Page(
        items=[
            SampleOut(
                index=index,
                label=item.label,
                class_name=dataset.class_names[item.label] if dataset.class_names else None,
                caption=item.captions[0] if item.captions else None,
                url=f"/api/v1/datasets/{dataset.name}/images/{index}?resolution={resolution}",
            )
            for index, item in zip(chosen, items, strict=True)
        ],
        next_cursor=None,
    )


@router.get(
    "/{name}/images/{index}",
    operation_id="get_dataset_image",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, 304: {"description": "Not modified."}, **problems(404, 422)},
)
def get_dataset_image(
    dataset: DatasetDep,
    index: Annotated[int, Path(ge=0, le=MAX_ID)],
    resolution: Resolution = 64,
    if_none_match: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """One picture."""
    if index >= len(dataset):
        raise NotFound(f"{dataset.name} has pictures 0 to {len(dataset) - 1}, none with the number {index}.")
    etag = f'"{hashlib.sha256(f"{dataset.name} {dataset.identity()} {index} {resolution}".encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "public, max-age=3600"}
    if if_none_match == etag:
        return Response(status_code=304, headers=headers)
    png = encode(_draw(dataset, index, resolution), {"dataset": dataset.name, "index": index})
    return Response(png, media_type="image/png", headers=headers)
