"""What drew a picture, as a request that draws it again; and what stands in the way of that."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from atelier.api.comparisons import ComparisonIn
from atelier.api.deps import MAX_ID, Services
from atelier.api.drawables import Drawable
from atelier.api.images import ImagesIn
from atelier.api.interpolations import InterpolationIn, Walk
from atelier.api.style_mixing import Grid, StyleMixingIn
from atelier.errors import Invalid
from atelier.registry import queries
from atelier.serving.requests import Wishes, resolve

Named = tuple[str, int]  # a model and the number of a version

ENDS = ("between", "waypoints", "mixed", "rows", "columns")  # under which parameters tell the images that others are made of


class RequestOut(BaseModel):
    """A request to send as it stands."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    method: Literal["POST"] = "POST"
    url: str
    body: dict[str, Any]
    """JSON."""


@dataclass(frozen=True)
class Recipe:
    """What the parameters in a picture say, whatever kind of picture it is."""

    versions: list[Named]  # several: they are compared
    seeds: list[int]
    rest: dict[str, Any]  # what was wished, and what else has decided it
    alone: bool  # one image, and not a grid

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> "Recipe":
        """
        Raises:
            ValueError: they are not of an image that a version drew.
        """
        parameters = dict(parameters)
        try:
            if "items" in parameters:  # of a grid, one by one
                items = [dict(item) for item in parameters["items"]]
                seeds = [item.pop("seed") for item in items]
                if any(item != items[0] for item in items):
                    raise ValueError("it is a grid of images that differ in more than their seeds: each has a recipe of its own")
                parameters = {**items[0], "seeds": seeds}
            if ends := [end for name in ENDS for end in parameters.get(name, ())]:
                versions = [(str(parameters.pop("model")), int(parameters.pop("version")))]
                return cls(versions, [int(end["seed"]) for end in ends], parameters, alone=False)
            alone = "seed" in parameters
            seeds = [parameters.pop("seed")] if alone else parameters.pop("seeds")
            if "versions" in parameters:
                named = [str(name).rpartition("@") for name in parameters.pop("versions")]
                versions = [(model, int(number)) for model, _, number in named]
            else:
                versions = [(str(parameters.pop("model")), int(parameters.pop("version")))]
            if not (versions and seeds and all(0 < number <= MAX_ID for _, number in versions)):
                raise KeyError
            return cls(versions, [int(seed) for seed in seeds], parameters, alone)
        except (KeyError, IndexError, TypeError, OverflowError) as error:
            raise ValueError("what is written in it does not name a model, a version and a seed") from error

    def again(self, drawables: Mapping[Named, Drawable], *, digest: str | None = None) -> RequestOut:
        """The request that draws the same; with the digest of the weights, where it is known, surely the same.

        Raises:
            ValueError: it can't be drawn again; the message says why.
        """
        for model, number in self.versions:
            if (model, number) not in drawables:
                raise ValueError(f"{model}@{number} is not here")
            if digest is not None and drawables[model, number].weights.digest != digest:
                raise ValueError(f"the {model}@{number} that is here is another one than the one that drew it")
        if self.rest.keys() & {*ENDS}:
            return self._of_ends(drawables[self.versions[0]])
        wishes = {name: value for name, value in self.rest.items() if name in Wishes.model_fields}
        body = {"seed": self.seeds[0], **wishes} if self.alone else {"seeds": self.seeds, **wishes}
        compared = len(self.versions) > 1
        if compared:
            body = {"versions": [f"{model}@{number}" for model, number in self.versions], **body}
        try:
            asked = (ComparisonIn if compared else ImagesIn).model_validate(body)
            resolved = [resolve(asked, drawables[named].can).parameters for named in self.versions]
        except ValidationError as error:
            raise ValueError(Invalid.of(error).detail) from error
        except Invalid as error:
            raise ValueError(error.detail) from error
        if not compared and resolved[0] != self.rest:
            changed = sorted(name for name in {*resolved[0], *self.rest} if resolved[0].get(name) != self.rest.get(name))
            raise ValueError(f"what decides it has changed since: {', '.join(changed)}")
        model, number = self.versions[0]
        return RequestOut(url="/api/v1/comparisons" if compared else f"/api/v1/models/{model}/versions/{number}/images", body=body)

    def _of_ends(self, drawable: Drawable) -> RequestOut:
        """The request that draws a frame, a walk, an image of mixed styles or a grid of them."""
        body = {name: value for name, value in self.rest.items() if name not in (*ENDS, "t")}
        given = {name: [_asked(end) for end in self.rest[name]] for name in ENDS if name in self.rest}
        try:
            if "between" in given or "waypoints" in given:
                place = {"at": [self.rest["t"]]} if "between" in given else {}
                body = {"waypoints": given.get("between") or given["waypoints"], **place, **body}
                walk = Walk(InterpolationIn.model_validate(body), drawable)
                told, route = walk.frames[0][1]["parameters"] if place else walk.parameters, "interpolations"
            else:
                row, column = given.get("mixed", (None, None))
                body = {"rows": [row], "columns": [column], **body} if row else {**given, **body}
                grid = Grid(StyleMixingIn.model_validate(body), drawable)
                told, route = grid.cells[0][0][1]["parameters"] if row else grid.parameters, "style-mixing"
        except ValidationError as error:
            raise ValueError(Invalid.of(error).detail) from error
        except Invalid as error:
            raise ValueError(error.detail) from error
        if told != {**drawable.of_version, **self.rest}:
            raise ValueError("what decides it has changed since")
        return RequestOut(url=f"/api/v1/models/{drawable.model}/versions/{drawable.number}/{route}", body=body)


def _asked(end: dict[str, Any]) -> dict[str, Any]:
    """An image that another is made of, as a request has it."""
    return {name: value for name, value in end.items() if not name.endswith("_digest")}


async def drawables_of(services: Services, named: Collection[Named]) -> dict[Named, Drawable]:
    """Those of the versions that are here."""
    found = {one: drawable for one in named if (drawable := services.drawables.get(*one)) is not None}
    if missing := set(named) - found.keys():
        async with services.database.read() as session:
            versions = (await session.scalars(queries.versions_named(missing))).all()
        for version in versions:
            found[version.model.name, version.number] = await services.drawables.learn(version)
    return found
