"""Forms with a large file in them: the fields come into memory, the file goes to the disk as it comes."""

import hashlib
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from fastapi.concurrency import run_in_threadpool
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from atelier.errors import BadRequest, DiskFull, Invalid, TooLarge, Unsupported

BeforeFile = Callable[[dict[str, str]], Awaitable[None]]

FILE = "file"  # the field that it comes in
MAX_FIELD = 16 << 10  # bytes of another field's value
AROUND = 1 << 20  # bytes of a form beside its file
PIECE = 1 << 20  # bytes written at once, in a thread
KEEP_FREE = 10**9  # bytes of the disk
CHECK_DISK = 256 << 20  # bytes written before its room is looked at again


@dataclass
class Form:
    """What was sent. The file is deleted at the end, unless somebody has moved it away."""

    path: Path
    fields: dict[str, str] = field(default_factory=dict)
    file_name: str | None = None  # None: no file was sent
    digest: str | None = None  # SHA-256 of the file


def request_body(schema: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    """What OpenAPI says of a request that is a form."""
    return {"required": True, "content": {"multipart/form-data": {"schema": {"type": "object", **schema}, "examples": examples}}}


@asynccontextmanager
async def receive(
    request: Request,
    folder: Path,
    names: Collection[str],
    *,
    max_bytes: int,
    before_file: BeforeFile,
    max_field: int = MAX_FIELD,
) -> AsyncIterator[Form]:
    """Read a form of the fields `names`, each of at most `max_field` bytes, and at most one file, of at most `max_bytes`, into a file of
    the folder.

    `before_file` gets the fields that came before the file, and may raise: it is pointless to read on for an hour then.

    Raises:
        Unsupported, BadRequest, Invalid: it is no form, breaks off, or has fields that it should not have.
        TooLarge, DiskFull: as soon as that is known.
    """
    form = Form(folder / f"{secrets.token_hex(16)}.part")
    try:
        await _Reader(form, names, max_bytes, before_file, max_field).read(request)
        yield form
    finally:
        form.path.unlink(missing_ok=True)


class _Reader:
    """Turns the parser's callbacks, which must not wait for anything, into a list that is worked off after each chunk."""

    def __init__(self, form: Form, names: Collection[str], max_bytes: int, before_file: BeforeFile, max_field: int) -> None:
        self.form, self.names, self.max_bytes, self.before_file, self.max_field = form, names, max_bytes, before_file, max_field
        self.events: list[tuple[str, bytes]] = []
        self.header, self.value = b"", b""
        self.disposition = b""
        self.name = ""
        self.content = bytearray()  # of the part in hand, as far as it is not written yet
        self.file: BinaryIO | None = None
        self.hash = hashlib.sha256()
        self.written = 0
        self.unchecked = CHECK_DISK
        self.complete = False

    async def read(self, request: Request) -> None:
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data":
            raise Unsupported("Send a form: multipart/form-data.")
        announced = request.headers.get("content-length", "")
        if announced.isdecimal():
            self._check_room(int(announced))
            if int(announced) > self.max_bytes + AROUND + len(self.names) * self.max_field:
                raise self._too_large()
        received = 0
        try:
            parser = MultipartParser(
                options.get(b"boundary", b""),
                {
                    "on_part_begin": lambda: self.events.append(("begin", b"")),
                    "on_header_field": lambda data, start, end: self.events.append(("header", data[start:end])),
                    "on_header_value": lambda data, start, end: self.events.append(("value", data[start:end])),
                    "on_header_end": lambda: self.events.append(("header_end", b"")),
                    "on_headers_finished": lambda: self.events.append(("headers_end", b"")),
                    "on_part_data": lambda data, start, end: self.events.append(("data", data[start:end])),
                    "on_part_end": lambda: self.events.append(("end", b"")),
                    "on_end": lambda: self.events.append(("complete", b"")),
                },
            )
            async for chunk in request.stream():
                received += len(chunk)
                if received > self.max_bytes + AROUND + len(self.names) * self.max_field:
                    raise self._too_large()
                parser.write(chunk)
                events, self.events = self.events, []
                for event, data in events:
                    await self._take(event, data)
            parser.finalize()
        except FormParserError as error:
            raise BadRequest(f"This is not a form as multipart/form-data describes it: {error}") from error
        except ClientDisconnect as error:  # nobody reads the answer, but the log must not call it our error
            raise BadRequest("The upload broke off.") from error
        finally:
            if self.file is not None:
                self.file.close()
        if not self.complete:
            raise BadRequest("The form is not complete: its last line is missing.")

    async def _take(self, event: str, data: bytes) -> None:
        match event:
            case "begin":
                self.disposition, self.content = b"", bytearray()
            case "header":
                self.header += data
            case "value":
                self.value += data
            case "header_end":
                if self.header.lower() == b"content-disposition":
                    self.disposition = self.value
                self.header, self.value = b"", b""
            case "headers_end":
                await self._begin()
            case "data":
                self.content += data
                if self.name != FILE and len(self.content) > self.max_field:
                    raise Invalid.at(f"/{self.name}", f"no more than {self.max_field} bytes are taken")
                if self.name == FILE and len(self.content) >= PIECE:
                    await self._write()
            case "end":
                await self._end()
            case "complete":
                self.complete = True

    async def _begin(self) -> None:
        _, options = parse_options_header(self.disposition)
        self.name = options.get(b"name", b"").decode(errors="replace")
        if self.name != FILE and self.name not in self.names:
            raise Invalid.at(f"/{self.name}", f"there is no field of this name; there are {', '.join((FILE, *self.names))}")
        if self.name in self.form.fields or (self.name == FILE and self.file is not None):
            raise Invalid.at(f"/{self.name}", "it is given twice")
        if self.name == FILE:
            await self.before_file(self.form.fields)
            given = options.get(b"filename", b"").decode(errors="replace").replace("\\", "/").rpartition("/")[2]
            self.form.file_name = "".join(char for char in given if char.isprintable())[-100:] or "upload.zip"
            self.file = self.form.path.open("wb")

    async def _end(self) -> None:
        if self.name != FILE:
            self.form.fields[self.name] = self.content.decode(errors="replace").strip()
            return
        assert self.file is not None
        await self._write()
        await run_in_threadpool(self.file.close)
        self.form.digest = self.hash.hexdigest()
        if self.written == 0 and self.form.file_name == "upload.zip":  # what browsers send for a field that was left empty
            self.form.file_name = None

    async def _write(self) -> None:
        self.written += len(self.content)
        self.unchecked += len(self.content)
        if self.written > self.max_bytes:
            raise self._too_large()
        if self.unchecked >= CHECK_DISK:
            self.unchecked = 0
            self._check_room(0)
        try:
            await run_in_threadpool(self._write_down, bytes(self.content))
        except OSError as error:
            raise DiskFull(f"The file could not be stored: {error.strerror}.") from error
        self.content.clear()

    def _write_down(self, content: bytes) -> None:
        assert self.file is not None
        self.file.write(content)
        self.hash.update(content)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The file is larger than {self.max_bytes:,} bytes, the limit set by ATELIER_MAX_UPLOAD_BYTES.")

    def _check_room(self, length: int) -> None:
        free = shutil.disk_usage(self.form.path.parent).free
        if free < length + KEEP_FREE:
            raise DiskFull(f"The server's disk has {free / 1e9:.1f} GB left, too little for this file.")
