"""The live channel: a WebSocket on which a slider that moves is answered by the picture of where it is by now."""

import asyncio
import json
import logging
import struct
from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from pydantic import Field, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from atelier.api.deps import ModelName, Services, ServicesDep, VersionNumber, find_drawable
from atelier.api.drawables import Drawable
from atelier.api.images import Seed, seed_of
from atelier.api.problems import problem_of
from atelier.errors import AtelierError, Invalid
from atelier.serving.engine import MAX_WAITING
from atelier.serving.images import MEDIA_TYPES, Format
from atelier.serving.requests import Wishes, resolve

log = logging.getLogger(__name__)

router = APIRouter(tags=["images"])

REFUSED = 1008  # policy violation, as RFC 6455, section 7.4.1, calls whatever has no code of its own


class WishIn(Wishes):
    """One image, as `POST …/images` takes it."""

    id: int = Field(ge=0, le=2**53 - 1)
    """Told with the picture, or with what is wrong."""
    seed: Seed | None = None
    """One is chosen, and told, where it is not given."""
    format: Format = "png"


@router.websocket("/models/{name}/versions/{number}/live")
async def live(socket: WebSocket, services: ServicesDep, name: ModelName, number: VersionNumber) -> None:
    """Wishes in, pictures out; see docs/inference.md.

    A wish is a text frame, {"id": 7, "seed": 1, …} as the body of `POST …/images` has it for one image. A picture is a binary frame:
    four bytes with the length of a head (big-endian), the head as JSON, {"id": 7, "seed": 1, "type": "image/png"}, and the file. What
    can't be drawn is told by a text frame, a problem (RFC 9457) with the wish's `id`. A wish that comes while another is drawn takes the
    place of those that wait: they are never answered, the last one always is. Pictures of this channel are not kept.
    """
    await socket.accept()
    try:
        drawable = await find_drawable(services, name, number)
    except AtelierError as error:
        await socket.send_json({"id": None, **problem_of(error)})
        await socket.close(REFUSED)
        return
    answering = asyncio.create_task((channel := Channel(socket, services, drawable)).answer(), name="live channel")
    try:
        while (message := await socket.receive())["type"] == "websocket.receive":
            channel.wish(message.get("text") or (message.get("bytes") or b"").decode(errors="replace"))
    finally:
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


class Channel:
    """One client's: the newest wish that waits, and its answer."""

    def __init__(self, socket: WebSocket, services: Services, drawable: Drawable) -> None:
        self._socket, self._services, self._drawable = socket, services, drawable
        self._newest: str | None = None
        self._wished = asyncio.Event()

    def wish(self, text: str) -> None:
        self._newest = text
        self._wished.set()

    async def answer(self) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):  # the client has gone, which whoever receives is told
            while True:
                await self._wished.wait()
                self._wished.clear()
                assert self._newest is not None
                await self._answer(self._newest)

    async def _answer(self, text: str) -> None:
        try:
            head, picture = await self._draw(text)
        except AtelierError as error:
            await self._socket.send_json({"id": _id(text), **problem_of(error)})
        except Exception:
            log.exception("a wish on the live channel of %s failed", self._drawable.name)
            unforeseen = AtelierError("Something went wrong here, not with your request; the server's log says what.")
            await self._socket.send_json({"id": _id(text), **problem_of(unforeseen)})
        else:
            told = json.dumps(head).encode()
            await self._socket.send_bytes(struct.pack(">I", len(told)) + told + picture)

    async def _draw(self, text: str) -> tuple[dict[str, Any], bytes]:
        try:
            wish = WishIn.model_validate_json(text)
        except ValidationError as error:
            raise Invalid.of(error) from error
        seed = seed_of(wish, wish.seed)
        # Again for each wish, for directions may be found while a channel is open; what is known of the version is remembered.
        drawable = await find_drawable(self._services, self._drawable.model, self._drawable.number)
        row = resolve(wish, drawable.can).row(seed, **drawable.of_version)
        row["format"] = wish.format
        # A channel has one row at a time and each matters to somebody who watches: it may wait where a new request would be sent away.
        [picture] = await self._services.engine.draw(drawable.weights, [row], most_waiting=2 * MAX_WAITING)
        return {"id": wish.id, "seed": seed, "type": MEDIA_TYPES[wish.format]}, picture


def _id(text: str) -> int | None:
    """Of a wish that is wrong, where it has one."""
    with suppress(ValueError):
        wish = json.loads(text)
        if isinstance(wish, dict) and isinstance(wish.get("id"), int):
            return int(wish["id"])
    return None
