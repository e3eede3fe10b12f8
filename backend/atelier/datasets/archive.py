"""Zip files from strangers: looked through before anything is written, and unpacked within bounds."""

import errno
import re
import shutil
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from atelier.datasets.layouts.base import Skipped, is_hidden, is_picture

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".7z", ".rar", ".zst", ".cab", ".iso")
# Deflate is what every tool writes, and what can be unpacked in pieces of a known size. A few bytes of bzip2 or LZMA become
# gigabytes in memory at one stroke, and gain nothing for pictures.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
OTHER_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd"}
MAX_DEPTH = 40  # folders
MAX_DIRECTORY = 1 << 29  # bytes of an archive's table of contents, which is read at once
PIECE = 1 << 20  # bytes read at a time
UTF8_FLAG, ENCRYPTED_FLAG = 0x800, 0x1


@dataclass(frozen=True)
class Limits:
    """What an archive may become."""

    max_bytes: int = 50 * 10**9  # unpacked, all together
    max_files: int = 2_000_000
    max_ratio: float = 200.0  # unpacked to packed, all together; deflate can reach 1,032
    keep_free: int = 10**9  # bytes that the disk must still have afterwards


def check(path: Path, limits: Limits) -> None:
    """Read what the archive says of itself, without unpacking anything.

    Raises:
        ValueError: it is no zip file, is damaged or dangerous, goes beyond the limits, or holds no pictures.
    """
    with _opened(path, limits) as archive:
        _entries(archive, path, limits)


def unpack(path: Path, folder: Path, limits: Limits, on_progress: Callable[[int, int], None] | None = None) -> tuple[Skipped, ...]:
    """Write the files of the archive into the folder, which is made.

    Whatever the archive says of sizes, no more than `limits.max_bytes` are written, and nothing outside the folder.
    `on_progress(done, total)` counts files, about a hundred times; what it raises ends the work.

    Returns:
        the files that are damaged inside the archive; they are left out.

    Raises:
        ValueError: as check does; or the disk has no room.
    """
    with _opened(path, limits) as archive:
        entries = _entries(archive, path, limits)
        folder.mkdir(parents=True, exist_ok=True)
        _check_disk(folder, limits.keep_free + sum(info.file_size for info, _ in entries))
        damaged: list[Skipped] = []
        made: set[str] = set()
        written = unchecked = 0
        for done, (info, name) in enumerate(entries, 1):
            parent = name.rpartition("/")[0]
            if parent not in made:
                (folder / parent).mkdir(parents=True, exist_ok=True)
                made.add(parent)
            target = folder / name
            try:
                with archive.open(info) as packed, target.open("xb") as file:
                    while piece := packed.read(PIECE):
                        written += len(piece)
                        unchecked += len(piece)
                        if written > limits.max_bytes:
                            raise ValueError(_too_large(path, limits))
                        file.write(piece)
            except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, struct.error, NotImplementedError):
                target.unlink(missing_ok=True)
                damaged.append(Skipped(name, "it is damaged inside the archive"))
            except FileExistsError as error:
                raise ValueError(f"{path.name}: the disk can't tell {name!r} from another file that is spelt almost alike") from error
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise ValueError(f"the disk is full: {path.name} was unpacked to {written / 1e9:.1f} GB") from error
                raise
            if unchecked > 64 * PIECE:
                _check_disk(folder, limits.keep_free)
                unchecked = 0
            if on_progress and (done % max(1, len(entries) // 100) == 0 or done == len(entries)):
                on_progress(done, len(entries))
        return tuple(damaged)


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[zipfile.ZipFile]:
    with path.open("rb") as file:
        head = file.read(8)
        if _count(file) > limits.max_files:
            raise ValueError(f"{path.name} holds more than {limits.max_files:,} files")
        try:
            archive = zipfile.ZipFile(file)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path.name} holds a name that claims to be UTF-8 and is not") from error
        except (zipfile.BadZipFile, struct.error, NotImplementedError, OSError, OverflowError) as error:
            raise ValueError(f"{path.name} {_what_it_is(head, error)}") from error
        with archive:
            yield archive


def _count(file: IO[bytes]) -> int:
    """How many files the archive's directory lists, at most; found before the directory is read into memory."""
    try:
        end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # the one that ZipFile goes by, whatever else looks like it
    except (zipfile.BadZipFile, OSError):
        end = None
    if not end:
        return 0
    length, at = end[5], end[9]
    if length > MAX_DIRECTORY:
        raise ValueError(f"the zip file's table of contents is larger than {MAX_DIRECTORY >> 20} MB")
    file.seek(max(0, at - length - 76))  # 76: of the 64-bit end record, where there is one
    count, rest = 0, b""
    while piece := file.read(PIECE):
        piece = rest + piece
        count += piece.count(b"PK\1\2")
        rest = piece[-3:]
    return count


def _what_it_is(head: bytes, error: Exception) -> str:
    if not head:
        return "is empty"
    for kind, start in (("a RAR", b"Rar!"), ("a 7z", b"7z\xbc\xaf"), ("a gzip", b"\x1f\x8b"), ("a bzip2", b"BZh"), ("an xz", b"\xfd7zXZ")):
        if head.startswith(start):
            return f"is {kind} archive: pack the pictures into a zip file"
    if head.startswith(b"PK"):
        return f"is damaged or not complete; was it cut off on its way? ({error})"
    return "is not a zip file"


def _entries(archive: zipfile.ZipFile, path: Path, limits: Limits) -> list[tuple[zipfile.ZipInfo, str]]:
    """The files to unpack, and where to: paths below the folder, "/" between parts. All that can be known beforehand is checked here."""
    entries: dict[str, zipfile.ZipInfo] = {}
    kinds: Counter[str] = Counter()
    end, total = 0, 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        parts = _parts(info, path)
        if info.header_offset < end:
            raise ValueError(f"{path.name}: {info.filename!r} overlaps another file in the archive, as in a zip bomb")
        end = info.header_offset + 30 + info.compress_size  # at least; its name lies between
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            what = "a link" if kind == stat.S_IFLNK else "a device or a pipe"
            raise ValueError(f"{path.name}: {info.filename!r} is {what}; only files and folders are unpacked")
        total += info.file_size
        if info.flag_bits & ENCRYPTED_FLAG:
            raise ValueError(f"{path.name} is encrypted ({info.filename!r}): pack it without a password")
        if info.is_dir() or info.filename.endswith("\\") or not parts or any(map(is_hidden, parts)):
            continue
        name = "/".join(parts)
        if info.compress_type not in METHODS:
            method = OTHER_METHODS.get(info.compress_type, f"method {info.compress_type}")
            raise ValueError(f"{path.name}: {name!r} is packed by {method}: pack it the ordinary way (deflate, or not compressed)")
        suffix = Path(name).suffix.lower()
        if suffix in ARCHIVES:
            raise ValueError(f"{path.name} holds another archive, {name!r}: unpack that first, and pack its files")
        if name in entries:
            raise ValueError(f"{path.name} holds {name!r} twice")
        entries[name] = info
        kinds[suffix if not is_picture(name) else "a picture"] += 1

    folders = {name[: slash.start()] for name in entries for slash in re.finditer("/", name)}
    if both := min(folders & entries.keys(), default=None):
        raise ValueError(f"{path.name}: {both!r} is a file and a folder as well")
    if total > limits.max_bytes:
        raise ValueError(_too_large(path, limits))
    ratio = total / path.stat().st_size
    if ratio > limits.max_ratio:
        raise ValueError(f"{path.name} would become {ratio:,.0f} times as large, as a zip bomb does; {limits.max_ratio:,.0f} is the limit")
    if not kinds["a picture"]:
        holds = ", ".join(f"{count} {kind or 'without a suffix'}" for kind, count in kinds.most_common(4) if count)
        raise ValueError(f"there are no pictures in {path.name}: it {f'holds {holds}' if holds else 'is empty'}")
    return [(info, name) for name, info in entries.items()]


def _parts(info: zipfile.ZipInfo, path: Path) -> list[str]:
    """The parts of a file's path, all of them harmless."""
    name = info.orig_filename
    if not info.flag_bits & UTF8_FLAG and not name.isascii():
        with suppress(UnicodeError):  # many tools write UTF-8 without saying so; what is not stays as zipfile reads it
            name = name.encode("cp437").decode()
    name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        problem = "is an absolute path"
    elif ".." in parts:
        problem = "leads out of the folder"
    elif any(ord(char) < 32 for char in name):
        problem = "has control characters in its name"
    elif len(parts) > MAX_DEPTH or any(len(part.encode(errors="surrogatepass")) > 255 for part in parts):
        problem = "is too long a path"
    else:
        return parts
    raise ValueError(f"{path.name}: {name[:200]!r} {problem}")


def _too_large(path: Path, limits: Limits) -> str:
    return f"{path.name} would take more than {limits.max_bytes / 1e9:,.6g} GB unpacked"


def _check_disk(folder: Path, needed: int) -> None:
    if (free := shutil.disk_usage(folder).free) < needed:
        raise ValueError(f"the disk has {free / 1e9:,.1f} GB left, and {needed / 1e9:,.1f} GB are needed")
