"""What tests of several parts stand on."""

import os
import re
import signal
import struct
import subprocess
import sys
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from sqlalchemy import create_engine, make_url, text

# Networks of test size are slower on two threads than on one, and far slower where those threads spin for a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, still without tables: SQLite, or PostgreSQL when ATELIER_TEST_POSTGRES names a server.

    ATELIER_TEST_POSTGRES=postgresql+psycopg://user@host/postgres pytest tests/registry tests/jobs
    """
    server = os.environ.get("ATELIER_TEST_POSTGRES")
    if server is None:
        yield f"sqlite+aiosqlite:///{tmp_path}/atelier.db"
        return
    name = f"atelier_{uuid.uuid4().hex}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server: a process of its own on a free port, with an empty store."""
    with serving(tmp_path_factory.mktemp("server")) as (address, _):
        yield address


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A real server whose store lies in a folder: its address and its process, which may be killed, and must else end well."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ATELIER_")}
    with (folder / "output.txt").open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "atelier", "serve", "--port", str(port)],
            cwd=folder,  # no .env of a developer's
            env=environment | {"ATELIER_STORE_DIR": str(folder / "store")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + 120
            while not (address := re.search(r"Atelier is at (http://\S+)", (folder / "output.txt").read_text())):
                if process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"The server does not start:\n{(folder / 'output.txt').read_text()}")
                time.sleep(0.1)
            try:
                yield address[1], process
            finally:
                if process.poll() is None:
                    _cancel_runs(address[1])  # they outlive their server, and tests that fail leave some
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=30)
        assert code in (0, -signal.SIGKILL), (folder / "output.txt").read_text()


def _cancel_runs(server: str) -> None:
    runs = httpx.get(f"{server}/api/v1/training-runs", timeout=60).json()["items"]
    for run in runs:
        if run["status"] in ("queued", "starting", "running"):
            httpx.post(f"{server}/api/v1/training-runs/{run['id']}/cancel", timeout=60)


def photograph(seed: int, size: tuple[int, int] = (96, 80)) -> Image.Image:
    """Clouds of colour, unlike those of any other seed."""
    cells = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _good() -> dict[str, bytes]:
    """A picture of every kind that people have, by its file's name."""
    exif = Image.Exif()
    exif[0x0112] = 6
    transparent = photograph(3).convert("RGBA")
    transparent.putalpha(128)
    deep = Image.fromarray(np.asarray(photograph(4).convert("L")).astype(np.uint16) * 257)
    return {
        "colour.jpg": encoded(photograph(0), "JPEG"),
        "rotated.jpg": encoded(photograph(1), "JPEG", exif=exif),
        "print.jpg": encoded(photograph(2).convert("CMYK"), "JPEG"),
        "transparent.png": encoded(transparent, "PNG"),
        "deep.png": encoded(deep, "PNG"),
        "grey.png": encoded(photograph(5).convert("L"), "PNG"),
        "palette.gif": encoded(photograph(6).convert("P"), "GIF"),
        "animated.gif": encoded(photograph(7), "GIF", save_all=True, append_images=[photograph(8)]),
        "modern.webp": encoded(photograph(9), "WEBP"),
        "scan.tiff": encoded(photograph(10), "TIFF"),
        "Größe & Ästhetik 100%.bmp": encoded(photograph(11), "BMP"),
    }


def _bad() -> dict[str, bytes]:
    """Files that are called pictures and can't be used as such."""
    bomb = bytearray(encoded(photograph(25), "PNG"))
    bomb[16:24] = struct.pack(">II", 60_000, 60_000)  # width and height
    bomb[29:33] = struct.pack(">I", zlib.crc32(bomb[12:29]))
    damaged = bytearray(encoded(photograph(20), "PNG"))
    damaged[len(damaged) // 2] ^= 255
    return {
        "truncated.jpg": encoded(photograph(21, (300, 300)), "JPEG")[:2000],
        "truncated.png": encoded(photograph(22), "PNG")[:3000],
        "damaged.png": bytes(damaged),
        "empty.jpg": b"",
        "text.png": b"this is no picture",
        "page.jpg": b"<!doctype html><html><body>404 Not Found</body></html>",
        "noise.jpg": bytes(range(256)) * 20,
        "dot.png": encoded(photograph(23, (1, 1)), "PNG"),
        "line.png": encoded(photograph(24, (2000, 9)), "PNG"),
        "bomb.png": bytes(bomb),
    }


Pictures = dict[str, bytes]


@pytest.fixture(scope="session")
def good() -> Pictures:
    return _good()


@pytest.fixture(scope="session")
def bad() -> Pictures:
    return _bad()


@pytest.fixture(scope="session")
def photographs() -> Callable[[int], Pictures]:
    """So many small JPEGs, each unlike the others."""
    return lambda count: {f"{index:05}.jpg": encoded(photograph(1000 + index, (48, 40)), "JPEG") for index in range(count)}


@pytest.fixture(scope="session")
def pack() -> Callable[[Path, Pictures], Path]:
    """A zip file of these files."""

    def write(path: Path, files: Pictures) -> Path:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path

    return write


@pytest.fixture(scope="session")
def put() -> Callable[[Path, Pictures], Path]:
    """A folder of these files."""

    def write(folder: Path, files: Pictures) -> Path:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    return write
