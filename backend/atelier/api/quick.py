"""Requests for images are answered before the framework looks at them: its way costs the server more than all else that it does for one."""

import re

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from atelier.api.images import ImagesIn, ImagesOut, draw_images
from atelier.api.problems import problem_from
from atelier.errors import AtelierError

PATH = re.compile(r"/api/v1/models/(?P<name>[^/]+)/versions/(?P<number>[1-9][0-9]{0,8})/images")


class Quick:
    """Draws what is asked for at the route of `draw_images`.

    What it can't read, an alias in place of a number or whatever is wrong, goes the framework's way, which says so.
    """

    def __init__(self, app: ASGIApp, *, most_bytes: int) -> None:
        self.app, self.most_bytes = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = PATH.fullmatch(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        if asked is None or not self._is_short(request := Request(scope, receive)):
            await self.app(scope, receive, send)
            return
        answer: Response | ImagesOut
        try:
            body = await request.body()
            try:
                wishes = ImagesIn.model_validate_json(body)
            except ValueError:
                await self.app(scope, _again(body, receive), send)
                return
            answer = await draw_images(asked["name"], int(asked["number"]), wishes, request)
        except AtelierError as error:
            answer = problem_from(error)
        except (ClientDisconnect, HTTPException):  # it has gone: nobody reads an answer
            return
        if not isinstance(answer, Response):
            answer = Response(answer.model_dump_json(exclude_none=True), media_type="application/json")
        await answer(scope, receive, send)

    def _is_short(self, request: Request) -> bool:
        length = request.headers.get("content-length", "")
        return length.isdecimal() and int(length) <= self.most_bytes


def _again(body: bytes, receive: Receive) -> Receive:
    """Receives a body that was read already, and then what follows it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again
