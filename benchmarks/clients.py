"""The clients of benchmarks/serving.py: `python benchmarks/clients.py PLAN` plays a plan (JSON) and prints what it saw (JSON).

{"kind": "images", "port", "paths", "clients", "requests" or "seconds", "first_seed", "probe"}: so many clients, each on one connection that
is kept, ask for an image each, one after the other, of seeds that nobody asked for before; meanwhile `probe` is asked 20 times a second.
{"kind": "one", "port", "path", "requests", "first_seed"}: a single client that waits for nothing else, without an event loop of its own.
{"kind": "slider", "port", "path", "wishes", "rate", "wish", "turned"}: one WebSocket, so many wishes, so many a second; what is turned,
such as "truncation_psi" or "directions/sefa-1", goes from 0 to 1, or from seed to seed.
"""

import asyncio
import json
import random
import socket
import struct
import sys
import time
from typing import Any

from websockets.asyncio.client import connect


class Connection:
    """HTTP/1.1 with as little work as possible, so that what is measured is the server."""

    def __init__(self, port: int) -> None:
        self.port, self.streams = port, None

    async def ask(self, method: str, path: str, body: bytes = b"", accept: str = "image/png") -> tuple[int, bytes]:
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        writer.write(request(self.port, method, path, body, accept))
        head = await reader.readuntil(b"\r\n\r\n")
        return int(head[9:12]), await reader.readexactly(length_of(head))


def request(port: int, method: str, path: str, body: bytes, accept: str) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: {accept}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n" if body else "\r\n"
    return head.encode() + body


def length_of(head: bytes) -> int:
    return next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))


def one(plan: dict[str, Any]) -> dict[str, Any]:
    times = []
    with socket.create_connection(("127.0.0.1", plan["port"])) as to:
        to.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for seed in range(plan["first_seed"], plan["first_seed"] + plan["requests"]):
            asked = request(plan["port"], "POST", plan["path"], b'{"seed": %d}' % seed, "image/png")
            sent, answer, end = time.perf_counter(), b"", -1
            to.sendall(asked)
            while end < 0 or len(answer) < end + length_of(answer[:end]):
                if not (read := to.recv(1 << 20)):
                    raise ConnectionError("the server has hung up")
                answer += read
                end = answer.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in answer else -1
            times.append(time.perf_counter() - sent)
            if not (answer[9:12] == b"200" and answer[end:].startswith(b"\x89PNG")):
                raise ValueError(f"no image: {answer[:200]!r}")
    return {"times": times}


async def images(plan: dict[str, Any]) -> dict[str, Any]:
    seeds = iter(range(plan["first_seed"], plan["first_seed"] + plan.get("requests", 1 << 30)))
    begun, times, statuses, probed = time.perf_counter(), [], {}, []
    until = begun + plan.get("seconds", 3600)

    async def client(number: int) -> None:
        connection, paths = Connection(plan["port"]), random.Random(number)
        while time.perf_counter() < until and (seed := next(seeds, None)) is not None:
            sent = time.perf_counter()
            status, content = await connection.ask("POST", paths.choice(plan["paths"]), b'{"seed": %d}' % seed)
            times.append(time.perf_counter() - sent)
            told = str(status if status != 200 or content.startswith(b"\x89PNG") else "no image")
            statuses[told] = statuses.get(told, 0) + 1

    async def probe() -> None:
        connection = Connection(plan["port"])
        while True:
            sent = time.perf_counter()
            await connection.ask("GET", plan["probe"])
            probed.append(time.perf_counter() - sent)
            await asyncio.sleep(0.05)

    probing = asyncio.create_task(probe()) if "probe" in plan else None
    async with asyncio.timeout(plan.get("patience", 600)):
        await asyncio.gather(*map(client, range(plan["clients"])))
    if probing is not None:
        probing.cancel()
    return {
        "seconds": time.perf_counter() - begun,
        "processor": time.process_time(),
        "times": times,
        "statuses": statuses,
        "probed": probed,
    }


async def slider(plan: dict[str, Any]) -> dict[str, Any]:
    sent: dict[int, float] = {}
    times, answered = [], []
    async with connect(f"ws://127.0.0.1:{plan['port']}{plan['path']}", compression=None) as live:

        async def listen() -> None:
            async for message in live:
                assert isinstance(message, bytes), message
                (length,) = struct.unpack_from(">I", message)
                head = json.loads(message[4 : 4 + length])
                times.append(time.perf_counter() - sent[head["id"]])
                answered.append(head["id"])
                if head["id"] == plan["wishes"] - 1:
                    return

        listening = asyncio.create_task(listen())
        begun = time.perf_counter()
        for number in range(plan["wishes"]):
            await asyncio.sleep(max(0.0, begun + number / plan["rate"] - time.perf_counter()))
            sent[number] = time.perf_counter()
            value: Any = number if plan["turned"] == "seed" else number / plan["wishes"]
            for name in reversed(plan["turned"].split("/")):
                value = {name: value}
            await live.send(json.dumps({"id": number, **plan["wish"], **value}))
        await asyncio.wait_for(listening, 30)
    return {"times": times, "answered": len(answered), "ordered": answered == sorted(answered)}


if __name__ == "__main__":
    plan = json.loads(sys.argv[1])
    print(json.dumps(one(plan) if plan["kind"] == "one" else asyncio.run({"images": images, "slider": slider}[plan["kind"]](plan))))
