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
class _Begun:
    """An image that is being drawn, and how many wait for it."""

    content: asyncio.Future[bytes]
    users: int = 0


class Drawn:
    """The folder of drawn images. The inference process puts them there: this one has requests to answer, which threads would hold up."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._folder = str(folder)
        self._engine = engine
        self._drawing: dict[str, _Begun] = {}
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
        if new := [image for image in missing if image not in self._drawing]:
            contents = self._engine.submit(weights, [{**rows[image], "file": self._file(image)} for image in new])
            self._drawing |= {image: _Begun(content) for image, content in zip(new, contents, strict=True)}
        awaited = {image: self._drawing[image] for image in missing}
        for begun in awaited.values():
            begun.users += 1
        try:
            if kept := rows.keys() - set(missing):
                found |= await asyncio.to_thread(self._read, kept)
            if awaited:
                done, _ = await asyncio.wait([begun.content for begun in awaited.values()], return_when=asyncio.FIRST_EXCEPTION)
                for content in done:
                    content.result()  # or what went wrong
                found |= {image: begun.content.result() for image, begun in awaited.items()}
        finally:
            for image, begun in awaited.items():
                begun.users -= 1
                if begun.users == 0:
                    self._leave(image, begun)
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

    def _leave(self, image: str, begun: _Begun) -> None:
        """Nobody waits for it any more."""
        del self._drawing[image]
        if not begun.content.cancel() and not begun.content.cancelled():
            begun.content.exception()  # told to whoever was there to hear it
