"""Images that are made of two others: those on the way between them, and those with styles of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from atelier.serving.images import image_id
from atelier.serving.requests import Abilities, Request
from atelier.serving.rows import BetweenRow, MixedRow, Row
from atelier.steering.paths import Easing, PathSpace, ease

PLACES = 6  # decimals of a position, so that it reads like what it is


@dataclass(frozen=True)
class End:
    """An image that others are made of."""

    seed: int
    request: Request

    def image(self, digest: str, of_version: dict[str, Any]) -> tuple[str, Row]:
        """Itself, as it is drawn for whoever asks for it alone."""
        return image_id(digest, self.request.identity(self.seed)), self.request.row(self.seed, **of_version)

    @property
    def identity(self) -> dict[str, Any]:
        """What decides it, but for the options and the runtime, which all ends share."""
        shared = self.request.options.keys() | self.request.runtime
        return {name: value for name, value in self.request.identity(self.seed).items() if name not in shared}


def between(a: End, b: End, t: float, space: PathSpace, digest: str, of_version: dict[str, Any]) -> tuple[str, Row]:
    """The image at t, 0 to 1, of the way from one to another, with its id; at its ends, those images themselves."""
    if t in (0, 1):
        return (b if t else a).image(digest, of_version)
    identity = {"between": [a.identity, b.identity], "t": t, "space": space, **a.request.options}
    row = a.request.row(a.seed)
    row["between"] = BetweenRow(row=b.request.row(b.seed), t=t, space=space)
    row["parameters"] = {**of_version, **identity}
    return image_id(digest, {**identity, **a.request.runtime}), row


def mixed(a: End, b: End, layers: Sequence[int], digest: str, can: Abilities, of_version: dict[str, Any]) -> tuple[str, Row]:
    """The image of one with the styles of another in these layers, with its id; of all layers, that other image itself."""
    if len(layers) == can.num_styles:
        return b.image(digest, of_version)
    identity = {"mixed": [a.identity, b.identity], "layers": list(layers), **a.request.options}
    row = a.request.row(a.seed)
    row["mixed"] = MixedRow(row=b.request.row(b.seed), layers=list(layers))
    row["parameters"] = {**of_version, **identity}
    return image_id(digest, {**identity, **a.request.runtime}), row


def positions(waypoints: int, frames: int, *, easing: Easing, loop: bool) -> list[float]:
    """Of a walk's frames: 0 is the first waypoint, 1 the second, 1.5 between that and the third.

    `frames` lead from each to the next. With `loop`, the way leads on to the first waypoint, which is not shown twice.
    """
    steps = [ease(step / frames, easing) for step in range(frames)]
    walk = [round(leg + step, PLACES) for leg in range(waypoints if loop else waypoints - 1) for step in steps]
    return walk if loop else [*walk, float(waypoints - 1)]


def frame(ends: Sequence[End], position: float, space: PathSpace, digest: str, of_version: dict[str, Any]) -> tuple[str, Row]:
    """The image at a position of `positions`, with its id."""
    leg = int(position)
    a, b = ends[leg % len(ends)], ends[(leg + 1) % len(ends)]
    return between(a, b, round(position - leg, PLACES), space, digest, of_version)
