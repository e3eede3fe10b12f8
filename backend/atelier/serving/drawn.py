"""Images that were drawn, each under the id of its content: what is asked for again, or by several at once, is drawn once."""

import asyncio
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from atelier.serving.engine import Engine
from atelier.serving.images import file_of
from atelier.serving.rows import Row
from atelier.serving.waiting import Weights


@dataclass(eq=False)
class _Group:
    """Images that are drawn for one request, and perhaps awaited by others as well."""

    task: "asyncio.Task[dict[str, bytes]]"
    users: int = 0


class Drawn:
    """The folder of drawn images. The inference process puts them there: this one has requests to answer, which threads would hold up."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._folder = str(folder)
        self._engine = engine
        self._drawing: dict[str, _Group] = {}
        with suppress(OSError):  # the first image of a folder would make it, and be later for it
            for first in range(256):
                (folder / f"{first:02x}").mkdir(parents=True, exist_ok=True)

    async def get(self, weights: Weights, rows: Mapping[str, Row]) -> dict[str, bytes]:
        """PNGs by their ids, kept or drawn now. Who gives up cancels what nobody else awaits.

        Raises:
            TooMany, Overloaded, AtelierError: as `Engine.draw`.
        """
        found: dict[str, bytes] = {}
        missing = [image for image in rows if not os.path.exists(self._file(image))]  # noqa: PTH110
        if new := {image: rows[image] for image in missing if image not in self._drawing}:
            begun = _Group(asyncio.create_task(self._draw(weights, new)))
            self._drawing.update(dict.fromkeys(new, begun))
            begun.task.add_done_callback(lambda _: self._forget(begun))
        groups = {self._drawing[image] for image in missing}
        for group in groups:
            group.users += 1
        try:
            if kept := rows.keys() - set(missing):
                found |= await asyncio.to_thread(self._read, kept)
            if groups:
                await asyncio.wait([group.task for group in groups])
                for group in groups:
                    found |= group.task.result()
        finally:
            for group in groups:
                group.users -= 1
                if group.users == 0:
                    group.task.cancel()
                    self._forget(group)  # at once: it takes a moment to end, and nobody may join it any more
        if vanished := rows.keys() - found.keys():  # from the disk, just now
            found |= await self.get(weights, {image: rows[image] for image in vanished})
        return {image: found[image] for image in rows}

    async def find(self, images: Collection[str]) -> dict[str, bytes]:
        """Those of these images that there are."""
        return await asyncio.to_thread(self._read, images)

    def _file(self, image: str) -> str:
        return file_of(self._folder, image)

    def _read(self, images: Collection[str]) -> dict[str, bytes]:
        return {image: path.read_bytes() for image in images if (path := Path(self._file(image))).is_file()}

    def _forget(self, group: _Group) -> None:
        for image in [image for image, drawing in self._drawing.items() if drawing is group]:
            del self._drawing[image]
        if group.task.done() and not group.task.cancelled():
            group.task.exception()  # told to whoever was there to hear it

    async def _draw(self, weights: Weights, rows: Mapping[str, Row]) -> dict[str, bytes]:
        kept: list[Row] = [{**row, "file": self._file(image)} for image, row in rows.items()]
        return dict(zip(rows, await self._engine.draw(weights, kept), strict=True))
