"""Versions as what draws them sees them, remembered, because a version never changes: no query and no file is read for each image."""

import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi.concurrency import run_in_threadpool

from atelier.models.artifact import MANIFEST, Manifest
from atelier.registry.store import Store
from atelier.registry.tables import Version
from atelier.serving.graphs import by_graph, graph_of
from atelier.serving.requests import Abilities, abilities
from atelier.serving.waiting import Weights
from atelier.steering.classifier import DESCRIPTION
from atelier.steering.directions import FILE

REMEMBERED = 256


@dataclass(frozen=True)
class Drawable:
    """A version that images are drawn with."""

    model: str
    number: int
    weights: Weights
    can: Abilities
    # Its manifest; where it is described what discoveries have found out about its images; and its graph: all but the first may come later.
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.weights.name

    @property
    def of_version(self) -> dict[str, Any]:
        """Whose image it is, as its parameters say it."""
        return {"model": self.model, "version": self.number}


class Drawables:
    """Those asked for lately. One is looked up anew when its files have gone, or when something was discovered since."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[tuple[str, int], tuple[Drawable, Any]] = OrderedDict()

    def get(self, model: str, number: int) -> Drawable | None:
        known = self._known.get((model, number))
        if known is None or known[1] != _state(known[0].files):
            return None
        self._known.move_to_end((model, number))
        return known[0]

    async def learn(self, version: Version) -> Drawable:
        model, number, digest = version.model.name, version.number, version.digest
        manifest = Manifest.model_validate(version.manifest)
        weights = Weights(self._store.version(model, number), digest)
        discovered = self._store.classifier(manifest.dataset.fingerprint) / DESCRIPTION, self._store.directions(digest) / FILE
        files = tuple(map(str, (weights.folder / MANIFEST, *discovered, graph_of(weights))))
        state = _state(files)  # before it is read: what comes meanwhile is seen the next time
        can = await run_in_threadpool(abilities, f"{model}@{number}", manifest, self._store, digest)
        weights = by_graph(weights)
        drawable = Drawable(model, number, weights, replace(can, by_graph=weights.graph is not None), files)
        if state is not None:
            self._known[model, number] = drawable, state
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return drawable


def _state(files: Sequence[str]) -> tuple[int, ...] | None:
    """What changes when the files do; None where the first is gone. No Paths: it is looked for each image."""
    state: list[int] = []
    for file in files:
        try:
            found = os.stat(file)  # noqa: PTH116
            state += found.st_mtime_ns, found.st_ino
        except FileNotFoundError:
            state += 0, 0
    return tuple(state) if state[0] else None
