"""Work for a client that goes away is cancelled; nobody else's is."""

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from atelier.api.negotiation import unless_gone

pytestmark = pytest.mark.anyio


class Client:
    """Sends its request, and goes away when told to."""

    def __init__(self) -> None:
        self.leaving = asyncio.Event()
        self.request = Request({"type": "http", "method": "POST", "path": "/", "headers": []}, self._receive)
        self.working, self.cancelled = asyncio.Event(), False

    async def _receive(self) -> Message:
        await self.leaving.wait()
        return {"type": "http.disconnect"}

    async def work(self, seconds: float = 60) -> str:
        self.working.set()
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "a picture"

    async def asks(self, seconds: float = 60) -> str:
        try:
            return await unless_gone(self.request, self.work(seconds))
        except HTTPException as error:
            task = asyncio.current_task()
            assert task is not None
            assert not task.cancelling()  # whoever handles it may still wait for something
            return str(error.status_code)


async def test_work_ends_with_its_client() -> None:
    client = Client()
    asking = asyncio.create_task(client.asks())
    await client.working.wait()
    client.leaving.set()
    assert await asyncio.wait_for(asking, 10) == "499"
    assert client.cancelled


async def test_a_client_that_leaves_when_it_has_its_answer_disturbs_nobody() -> None:
    client = Client()
    assert await client.asks(0) == "a picture"
    client.leaving.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not client.cancelled


async def test_a_server_that_stops_is_no_client_that_has_gone() -> None:
    client = Client()
    asking = asyncio.create_task(client.asks())
    await client.working.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert client.cancelled
