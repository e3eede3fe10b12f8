"""The history of drawn images: found again, marked, noted, drawn again, deleted."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from atelier.api.deps import MAX_ID, Services, ServicesDep
from atelier.api.pages import Cursor, Limit, Page, decode, encode
from atelier.api.problems import problems
from atelier.api.recipes import Recipe, RequestOut, drawables_of
from atelier.errors import NotFound
from atelier.registry import queries
from atelier.registry.tables import DrawnImage
from atelier.serving.history import forget, words
from atelier.serving.images import path_of

router = APIRouter(prefix="/images", tags=["images"])

ORDER = "images"
ImageId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="Id of the image.")]


class KeptImageOut(BaseModel):
    """An image of the history, with all that drew it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """Names the content: the same weights and parameters have the same id."""
    url: str
    model: str
    version: int
    seed: int
    parameters: dict[str, Any]
    """All that decides the image, as the answer to drawing it has told it."""
    width: int
    height: int
    bytes: int
    """Of the PNG."""
    favourite: bool
    """Favourites are never deleted by themselves."""
    note: str | None
    created_at: datetime
    drawn_at: datetime
    """When it was last drawn, or asked for again."""
    request: RequestOut | None
    """What draws the same image again, to the byte; null where nothing does any more."""
    unavailable: str | None
    """Why nothing draws it again: its version is gone, for one."""


class KeptImageIn(BaseModel):
    """What to change; the rest stays."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    favourite: bool = False
    """Favourites are never deleted by themselves."""
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] | None = Field(None)
    """Words of your own, by which it is found as well; null takes them away."""


EXAMPLES: dict[str, Any] = {
    "favourite": {"summary": "Never to be deleted by itself", "value": {"favourite": True}},
    "note": {"summary": "Words to find it by", "value": {"note": "for the cover"}},
}


async def kept_out(services: Services, rows: Sequence[DrawnImage]) -> list[KeptImageOut]:
    drawables = await drawables_of(services, {(row.model, row.version) for row in rows})
    items = []
    for row in rows:
        request, unavailable = None, None
        try:
            if row.digest is None:
                raise ValueError("the weights that drew it are not known any more")
            request = Recipe.of(row.parameters).again(drawables, digest=row.digest)
        except ValueError as error:
            unavailable = str(error)
        columns = {name: getattr(row, name) for name in KeptImageOut.model_fields if hasattr(row, name)}
        items.append(KeptImageOut(**columns, url=f"/api/v1/images/{row.id}", request=request, unavailable=unavailable))
    return items


@router.get("", operation_id="list_images", responses=problems(400, 422))
async def list_images(
    services: ServicesDep,
    model: Annotated[str | None, Query(max_length=64, description="Only this model's.")] = None,
    version: Annotated[int | None, Query(ge=1, le=MAX_ID, description="Only of versions with this number.")] = None,
    favourite: Annotated[bool | None, Query(description="Only favourites, or only others.")] = None,
    q: Annotated[
        str | None, Query(max_length=200, description="Words that all stand in prompt, classes, attributes, model or note.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[KeptImageOut]:
    """The images that were drawn, the last drawn first; one that was drawn again stands at the top once more."""
    await services.history.flush()
    statement = queries.history(
        model=model,
        version=version,
        favourite=favourite,
        words=(q or "").casefold().split(),
        before=decode(ORDER, cursor),
        limit=limit + 1,
    )
    async with services.database.read() as session:
        rows = (await session.scalars(statement)).all()
    items = await kept_out(services, rows[:limit])
    return Page(items=items, next_cursor=encode(ORDER, rows[limit - 1].turn) if len(rows) > limit else None)


@router.get("/{image_id}/recipe", operation_id="get_recipe", responses=problems(404, 422))
async def get_recipe(image_id: ImageId, services: ServicesDep) -> KeptImageOut:
    """How an image was drawn, and the request that draws it again."""
    await services.history.flush()
    async with services.database.read() as session:
        row = await session.get(DrawnImage, image_id)
    if row is None:
        raise _no_such_image(image_id)
    return (await kept_out(services, [row]))[0]


@router.patch("/{image_id}", operation_id="change_image", responses=problems(404, 422))
async def change_image(
    image_id: ImageId, body: Annotated[KeptImageIn, Body(openapi_examples=EXAMPLES)], services: ServicesDep
) -> KeptImageOut:
    """Make an image a favourite, or note something about it."""
    await services.history.flush()
    async with services.database.write() as session:
        row = await session.get(DrawnImage, image_id)
        if row is None:
            raise _no_such_image(image_id)
        for name in body.model_fields_set:
            setattr(row, name, getattr(body, name))
        row.words = words(row.parameters, row.note)
    return (await kept_out(services, [row]))[0]


class PrunedOut(BaseModel):
    """What was deleted."""

    images: int


@router.delete("", operation_id="prune_images", responses=problems(403))
async def prune_images(services: ServicesDep) -> PrunedOut:
    """Delete all drawn images but favourites, what jobs still need, and what was drawn within the last minutes."""
    return PrunedOut(images=await services.history.clear())


@router.delete("/{image_id}", operation_id="delete_image", status_code=204, responses=problems(403, 404, 422))
async def delete_image(image_id: ImageId, services: ServicesDep) -> None:
    """Delete an image and its file; nothing happens where it is gone already. The recipe in a copy of it draws it again."""
    await services.history.flush()
    async with services.database.write() as session:
        await session.run_sync(forget, image_id)
    await run_in_threadpool(path_of(services.store.images, image_id).unlink, missing_ok=True)


def _no_such_image(image_id: str) -> NotFound:
    return NotFound(f"There is no image {image_id} in the history.")
