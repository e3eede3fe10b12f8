"""Files in a zip that is never held as a whole."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

CHUNK = 1 << 20  # bytes


def zipped(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """A zip of files under these names, piece by piece: however large they are, a megabyte is held."""
    sent = _Sent()
    with zipfile.ZipFile(sent, "w") as archive:  # type: ignore[call-overload]  # stored: weights don't get smaller
        for name, path in files:
            with path.open("rb") as source, archive.open(zipfile.ZipInfo.from_file(path, name), "w", force_zip64=True) as entry:
                while chunk := source.read(CHUNK):
                    entry.write(chunk)
                    yield sent.taken()
    yield sent.taken()


class _Sent:
    """A file that is only written, and emptied now and then."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def write(self, data: bytes) -> int:
        self._buffer += data
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken
