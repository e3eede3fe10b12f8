"""Reading a growing text file by byte offsets."""

import codecs
from pathlib import Path
from typing import Annotated, Any

from fastapi import Query
from fastapi.responses import PlainTextResponse

CHUNK = 1 << 20  # bytes in an answer

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


def respond(path: Path, offset: int) -> PlainTextResponse:
    text, following = read(path, offset)
    return PlainTextResponse(text, headers={"Next-Offset": str(following), "Cache-Control": "no-store"})
