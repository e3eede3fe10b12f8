"""Rows that wait to be drawn, in an order that is fair to versions and to requests."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from atelier.serving.rows import Row


@dataclass(frozen=True)
class Weights:
    """A published generator: where it lies and what identifies it."""

    folder: Path
    digest: str
    graph: Path | None = None  # by which ONNX Runtime draws it

    @property
    def name(self) -> str:
        """cats@3."""
        return f"{self.folder.parent.name}@{self.folder.name.removeprefix('v')}"


@dataclass(frozen=True, eq=False)
class Drawing:
    """One row that somebody waits for; whoever went away has cancelled it."""

    row: Row
    content: "asyncio.Future[bytes]"


class Waiting:
    """Versions take turns, and within one the requests do, a row each: nobody waits for a neighbour's 64 images."""

    def __init__(self) -> None:
        self._versions: OrderedDict[Weights, deque[deque[Drawing]]] = OrderedDict()

    def __len__(self) -> int:
        """Rows that are still wanted."""
        requests = (request for version in self._versions.values() for request in version)
        return sum(not drawing.content.done() for request in requests for drawing in request)

    def add(self, weights: Weights, drawings: Iterable[Drawing]) -> None:
        self._versions.setdefault(weights, deque()).append(deque(drawings))

    def take(self, most: int) -> tuple[Weights, list[Drawing]] | None:
        """Up to so many rows of the version whose turn it is; None when nothing waits."""
        while self._versions:
            weights, requests = self._versions.popitem(last=False)
            batch: list[Drawing] = []
            while requests and len(batch) < most:
                request = requests.popleft()
                if not request:
                    continue
                if not (drawing := request.popleft()).content.done():
                    batch.append(drawing)
                requests.append(request)
            if requests:
                self._versions[weights] = requests
            if batch:
                return weights, batch
        return None
