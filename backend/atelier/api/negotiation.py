"""What a client would like an answer to be, and whether it still wants one."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Annotated, Literal, TypeVar

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request

PATIENCE = 0.1  # seconds of work, before its client is watched: most images are drawn sooner

T = TypeVar("T")
Kind = TypeVar("Kind", bound=str)
Answer = Literal["json", "zip", "png", "webp", "jpeg"]

ANSWERS: dict[str, Answer] = {
    "application/json": "json",
    "application/*": "json",
    "*/*": "json",
    "application/zip": "zip",
    "image/png": "png",
    "image/*": "png",
    "image/webp": "webp",
    "image/jpeg": "jpeg",
}


def best_of(accept: str, answers: Mapping[str, Kind], default: Kind) -> Kind:
    """The best of what a client accepts, as RFC 9110, section 12.5.1, weighs it; the default where it says nothing that is here."""
    best: tuple[float, Kind] = 0.0, default
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((parameter.removeprefix("q=") for parameter in parameters if parameter.startswith("q=")), "1")
        try:
            quality = float(weight)
        except ValueError:
            quality = 0.0
        if kind in answers and quality > best[0]:
            best = quality, answers[kind]
    return best[1]


def preferred(accept: str) -> Answer:
    """As a picture's answer."""
    return best_of(accept, ANSWERS, "json")


async def _preferred(request: Request) -> Answer:
    return preferred(request.headers.get("accept", ""))


AnswerDep = Annotated[Answer, Depends(_preferred)]
"""What the client would like best (`Accept`)."""


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """The work's result; the work is cancelled when the client goes away first, which is looked for when it takes longer."""
    asking, watching, left = asyncio.current_task(), None, False
    assert asking is not None

    def watch() -> None:
        nonlocal watching
        watching = asyncio.create_task(_gone(request))
        watching.add_done_callback(leave)

    def leave(gone: "asyncio.Task[None]") -> None:
        nonlocal left
        if not gone.cancelled():
            left = asking.cancel()

    later = asyncio.get_running_loop().call_later(PATIENCE, watch)
    try:
        return await work
    except asyncio.CancelledError:
        if left and asking.uncancel() == 0:
            raise HTTPException(499, "The client has gone.") from None  # which nobody reads
        raise
    finally:
        later.cancel()
        if watching is not None:
            watching.remove_done_callback(leave)
            watching.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
