"""The live channel answers the newest wish, and only its own page may open it."""

import asyncio
import io
import json
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from atelier.app import create_app
from atelier.registry.store import Store
from atelier.serving.images import read_parameters
from atelier.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("published", "occupied")]


@pytest.fixture(scope="module")
async def address(settings: Settings, published: str) -> AsyncIterator[str]:
    """A server that listens, in this loop."""
    config = uvicorn.Config(create_app(settings), port=0, ws="websockets-sansio", log_level="error", timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110  it sets no event
        await asyncio.sleep(0.02)
    yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


def channel(address: str, version: str = "tiny/versions/2", **options: Any) -> connect:
    return connect(f"ws://{address}/api/v1/models/{version}/live", compression=None, **options)


async def answer(socket: ClientConnection) -> tuple[dict[str, Any], bytes]:
    message = await asyncio.wait_for(socket.recv(), 60)
    assert isinstance(message, bytes), message
    (length,) = struct.unpack_from(">I", message)
    return json.loads(message[4 : 4 + length]), message[4 + length :]


async def test_a_wish_is_answered_by_its_picture_which_is_not_kept(address: str, store: Store) -> None:
    async with channel(address) as socket:
        await socket.send('{"id": 7, "seed": 901}')
        head, file = await answer(socket)
        assert head == {"id": 7, "seed": 901, "type": "image/png"}
        assert read_parameters(Image.open(io.BytesIO(file))) == {"model": "tiny", "version": 2, "seed": 901}
        await socket.send('{"id": 8, "format": "webp"}')
        head, file = await answer(socket)
        image = Image.open(io.BytesIO(file))
        assert (head["id"], head["type"], image.format) == (8, "image/webp", "WEBP")
        assert read_parameters(image) == {"model": "tiny", "version": 2, "seed": head["seed"]}
    assert list(store.images.rglob("*.png")) == []


async def test_stale_wishes_are_dropped_and_the_last_never(address: str) -> None:
    async with channel(address) as socket:
        for number in range(300):
            await socket.send(json.dumps({"id": number, "seed": number}))
        answered = []
        while 299 not in answered:
            answered.append((await answer(socket))[0]["id"])
        assert answered == sorted(set(answered))
        assert len(answered) < 150
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 0.2)


@pytest.mark.parametrize(
    ("wish", "number", "says"),
    [
        ('{"id": 3, "prompt": "a cat"}', 3, "prompt: tiny@2 "),
        ('{"id": 4, "sed": 1}', 4, "sed: "),
        ('{"seed": 1}', None, "id: "),
        ("[", None, "JSON"),
        ("", None, "JSON"),
    ],
)
async def test_what_cannot_be_drawn_is_told_and_the_channel_goes_on(address: str, wish: str, number: int | None, says: str) -> None:
    async with channel(address) as socket:
        await socket.send(wish)
        message = await asyncio.wait_for(socket.recv(), 60)
        assert isinstance(message, str)
        problem = json.loads(message)
        assert (problem["id"], problem["status"]) == (number, 422)
        assert says in problem["detail"]
        await socket.send('{"id": 5, "seed": 1}')
        assert (await answer(socket))[0]["id"] == 5


async def test_a_version_that_is_not_there_is_told_and_the_channel_closed(address: str) -> None:
    async with channel(address, "tiny/versions/9") as socket:
        problem = json.loads(await socket.recv())
        assert (problem["status"], problem["detail"]) == (404, "tiny has no version 9; it has 1, 2.")
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_a_foreign_page_opens_no_channel(address: str, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with channel(address, additional_headers=headers):
            pass
    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body)["title"] == "Forbidden"


async def test_a_name_that_leads_here_opens_none(address: str) -> None:
    host, _, port = address.partition(":")
    with pytest.raises(InvalidStatus) as refused:
        async with connect("ws://evil.example/api/v1/models/tiny/versions/2/live", host=host, port=int(port)):
            pass
    assert refused.value.response.status_code == 403


async def test_its_own_page_opens_one(address: str) -> None:
    async with channel(address, origin=f"http://{address}") as socket:
        await socket.send('{"id": 1, "seed": 1}')
        assert (await answer(socket))[0]["id"] == 1
