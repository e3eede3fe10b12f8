"""Reading growing text files by byte offsets."""

import asyncio
import codecs
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse

CHUNK = 1 << 20  # bytes in an answer
FOLLOW_SECONDS = 0.3

Offset = Annotated[int, Query(ge=0, le=2**63 - 1, description="Byte to read from: `Next-Offset` of the answer before.")]
LOG_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What was appended since, at most a megabyte of it.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "step 20/60  generator/loss 0.693  412 img/s  ETA 0:04\n"}},
        "headers": {"Next-Offset": {"description": "Where to read on.", "schema": {"type": "integer"}}},
    }
}


def read(path: Path, offset: int) -> tuple[str, int]:
    """The text from the offset on, never ending within a character, and the offset after it."""
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(CHUNK)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data)
    return text, offset + len(data) - len(decoder.getstate()[0])


@dataclass(frozen=True)
class Appended:
    """Text that was appended to a file: its bytes from `offset` to `next`."""

    path: Path
    offset: int
    next: int
    text: str


def ends(paths: list[Path]) -> dict[Path, int]:
    """How many bytes each file has; none where there is no such file yet."""
    return {path: path.stat().st_size if path.is_file() else 0 for path in paths}


async def follow(positions: dict[Path, int], closing: asyncio.Event) -> AsyncIterator[Appended]:
    """What files get from these positions on, until `closing`. One that is not there is looked for again."""
    positions = dict(positions)
    while not closing.is_set():
        grown = await run_in_threadpool(_grown, positions)
        for part in grown:
            positions[part.path] = part.next
            yield part
        if not grown:
            with suppress(TimeoutError):
                await asyncio.wait_for(closing.wait(), FOLLOW_SECONDS)


def _grown(positions: dict[Path, int]) -> list[Appended]:
    found = []
    for path, position in positions.items():
        if path.is_file() and not path.is_symlink():
            text, following = read(path, position)
            if text:
                found.append(Appended(path, position, following, text))
    return found


def respond(path: Path, offset: int) -> PlainTextResponse:
    text, following = read(path, offset)
    return PlainTextResponse(text, headers={"Next-Offset": str(following), "Cache-Control": "no-store"})
