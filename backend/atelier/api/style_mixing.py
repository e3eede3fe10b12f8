"""Style mixing: a grid of images with the coarse styles of their row and the fine ones of their column, as in StyleGAN's figure 3."""

import io
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from atelier.api.deps import DrawableDep, ServicesDep
from atelier.api.drawables import Drawable
from atelier.api.images import PICTURES, Seed
from atelier.api.interpolations import EndIn, draw_all, ends_of
from atelier.api.negotiation import AnswerDep, unless_gone
from atelier.api.problems import problems
from atelier.errors import Invalid
from atelier.models import architectures
from atelier.serving.derived import mixed
from atelier.serving.images import GAP, MEDIA_TYPES, Format, archive, encode
from atelier.serving.requests import Abilities, Manner
from atelier.serving.rows import Row
from atelier.steering.paths import Block, blocks

router = APIRouter(tags=["images"])

MAX_SOURCES = 12
Sources = Annotated[list[Seed | EndIn], Field(min_length=1, max_length=MAX_SOURCES)]


class StyleMixingIn(Manner):
    """A grid of mixed styles."""

    rows: Sources
    """Images that give their rows all styles but those of `layers`: seeds, or images as `POST …/images` asks for them."""
    columns: Sources
    """Images that give their columns the styles of `layers`."""
    layers: list[Block | Annotated[int, Field(ge=0, le=63)]] = Field(["middle", "fine"], min_length=1, max_length=64)
    """Layers whose styles come from the columns, by number from the coarsest, 0, on, or `coarse` (up to 8 pixels), `middle`, `fine`."""
    format: Format | None = None
    """Of the picture; without it, what `Accept` names, else PNG."""


EXAMPLES: dict[str, Any] = {
    "seeds": {"summary": "Shapes of the rows, colours of the columns", "value": {"rows": [1, 2, 3], "columns": [11, 12, 13, 14]}},
    "layers": {
        "summary": "The last two layers alone, truncated",
        "value": {"rows": [1, 2], "columns": [{"seed": 11}], "layers": [6, 7], "truncation_psi": 0.7},
    },
}


class MixedOut(BaseModel):
    """An image of the grid, or of its borders."""

    id: str
    url: str
    parameters: dict[str, Any]


class StyleMixingOut(BaseModel):
    """Rows of images, and those that they are made of."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    layers: list[int]
    """Whose styles come from the columns."""
    rows: list[MixedOut]
    """The images along the left border."""
    columns: list[MixedOut]
    """The images along the top."""
    items: list[list[MixedOut]]
    """Row by row."""


@router.post(
    "/models/{name}/versions/{number}/style-mixing",
    operation_id="mix_styles",
    response_model=StyleMixingOut,
    responses={200: {"content": PICTURES}, **problems(404, 422, 429, 503)},
)
async def mix_styles(
    drawable: DrawableDep,
    body: Annotated[StyleMixingIn, Body(openapi_examples=EXAMPLES)],
    answer: AnswerDep,
    request: Request,
    services: ServicesDep,
) -> StyleMixingOut | Response:
    """Mix the styles of images: a list of rows with URLs, or with `Accept: image/png` (or WebP, JPEG) one picture with the images they
    come from along the top and the left. `Accept: application/zip` gets files: rows, columns, and the grid row by row."""
    grid = Grid(body, drawable)
    pngs = await unless_gone(request, draw_all(services, drawable, dict(grid.every)))
    if answer == "json":

        def out(image: tuple[str, Row]) -> MixedOut:
            return MixedOut(id=image[0], url=f"/api/v1/images/{image[0]}", parameters=image[1]["parameters"])

        items = [list(map(out, line)) for line in grid.cells]
        return StyleMixingOut(layers=grid.layers, rows=list(map(out, grid.left)), columns=list(map(out, grid.top)), items=items)
    format: Format = body.format or ("png" if answer == "zip" else answer)
    if answer == "zip":
        headers = {"Content-Disposition": 'attachment; filename="styles.zip"'}
        content = await run_in_threadpool(archive, [pngs[image] for image, _ in grid.every], format)
        return Response(content, headers=headers, media_type="application/zip")
    content = await run_in_threadpool(figure, *grid.files(pngs), grid.parameters, format)
    return Response(content, media_type=MEDIA_TYPES[format])


class Grid:
    """What a request asks for, image by image."""

    def __init__(self, body: StyleMixingIn, drawable: Drawable) -> None:
        """
        Raises:
            Invalid: the version can't do it.
        """
        can, of_version, digest = drawable.can, drawable.of_version, drawable.weights.digest
        self.layers = _layers(body, can)
        rows, columns = (ends_of(_ends(some), body, can, name) for some, name in ((body.rows, "/rows"), (body.columns, "/columns")))
        self.left = [row.image(digest, of_version) for row in rows]
        self.top = [column.image(digest, of_version) for column in columns]
        self.cells = [[mixed(row, column, self.layers, digest, can, of_version) for column in columns] for row in rows]
        sources = {"rows": [row.identity for row in rows], "columns": [column.identity for column in columns]}
        self.parameters = {**of_version, **sources, "layers": self.layers, **rows[0].request.options}

    @property
    def every(self) -> list[tuple[str, Row]]:
        return [*self.left, *self.top, *(cell for line in self.cells for cell in line)]

    def files(self, pngs: Mapping[str, bytes]) -> tuple[list[bytes], list[list[bytes]]]:
        """The row along the top, and the lines below it, each after its source."""
        lines = [[source, *line] for source, line in zip(self.left, self.cells, strict=True)]
        return [pngs[image] for image, _ in self.top], [[pngs[image] for image, _ in line] for line in lines]


def _ends(sources: Sequence[int | EndIn]) -> list[EndIn]:
    return [EndIn(seed=source) if isinstance(source, int) else source for source in sources]


def _layers(body: StyleMixingIn, can: Abilities) -> list[int]:
    """
    Raises:
        Invalid: the version has no styles, or not these layers.
    """
    if not can.num_styles:
        mixing = [cls.title for cls in architectures.values() if cls.num_styles(cls.Hyperparameters())]
        raise Invalid(f"{can.name} has no styles of its layers that could be mixed; versions of {', '.join(mixing)} have")
    named = blocks(can.num_styles)
    chosen = {layer for one in body.layers for layer in (named[one] if isinstance(one, str) else [one])}
    if max(chosen) >= can.num_styles:
        raise Invalid.at("/layers", f"{can.name} has the layers 0 to {can.num_styles - 1}")
    return sorted(chosen)


def figure(top: Sequence[bytes], lines: Sequence[Sequence[bytes]], parameters: dict[str, Any], format: Format = "png") -> bytes:
    """PNGs of one size: a row along the top, and below it lines whose first stands left of the others, both set off by a gap."""
    opened = [[Image.open(io.BytesIO(png)) for png in line] for line in (top, *lines)]
    width, height = opened[0][0].size
    gap = max(GAP, width // 8)
    size = (len(top) + 1) * (width + GAP) - GAP + gap, (len(lines) + 1) * (height + GAP) - GAP + gap
    sheet = Image.new(opened[0][0].mode, size, "white")
    for y, line in enumerate(opened):
        for x, image in enumerate(line, 1 if y == 0 else 0):
            sheet.paste(image, (x * (width + GAP) + (gap if x else 0), y * (height + GAP) + (gap if y else 0)))
    return encode(sheet, parameters, format)
