"""What a reader of a layout gives, the walk over files that all readers share, and the search for the layout of a folder."""

import inspect
import os
import unicodedata
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from atelier.datasets.base import Item, Split

Box = tuple[float, float, float, float]  # left, top, width, height in pixels

# What is taken for a picture among the files of a folder. Some of these can't be opened here; they are listed all the same, so that
# whoever brings photographs of a telephone reads why they are missing.
PICTURES = {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".avif", ".jp2", ".j2k", ".jpx"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".pcx", ".sgi", ".psd", ".dds", ".qoi"),
    *(".heic", ".heif", ".jxl", ".svg", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".exr", ".hdr", ".xcf"),
}
LEFT_BY_SYSTEMS = {
    "__MACOSX",
    "Thumbs.db",
    "desktop.ini",
    "lost+found",
    "$RECYCLE.BIN",
    "System Volume Information",
}  # beside all that begins with a full stop
SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "eval": "test",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture that the layout holds, not opened yet."""

    path: str  # below the root, "/" between parts
    item: Item
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that is left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """All that the files of a folder say, in an order that does not depend on the file system."""

    entries: Sequence[Entry]
    class_names: tuple[str, ...] = ()
    attribute_names: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()  # what the set's own files name and is not there, what they say nothing of, what can't be read


class Layout(ABC):
    """A way in which pictures, and what is known of them, lie in a folder.

    The first paragraph of a subclass' docstring is its summary.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    wanted: ClassVar[str]  # what such a folder holds; completes "expected …"
    rank: ClassVar[int]  # layouts are tried from the lowest: the more particular first

    @abstractmethod
    def matches(self, root: Path) -> bool:
        """Whether the folder looks like it; no picture is opened."""

    @abstractmethod
    def read(self, root: Path) -> Listing:
        """List the pictures.

        Raises:
            ValueError: the folder is not like that, or a list in it is broken; the message names file and line.
        """

    @classmethod
    def summary(cls) -> str:
        return inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " ")


layouts: dict[str, type[Layout]] = {}


def layout(name: str) -> Callable[[type[Layout]], type[Layout]]:
    """Register a class under its public name."""

    def register(cls: type[Layout]) -> type[Layout]:
        if name in layouts:
            raise ValueError(f"layout {name!r} is already defined in {layouts[name].__module__}")
        cls.name = name
        layouts[name] = cls
        return cls

    return register


def locate(root: Path, layout: str | None = None) -> tuple[Path, type[Layout]]:
    """The folder that holds the set, and its layout: the named one, or the first that matches.

    An archive often wraps everything in a folder or two: those are descended into.

    Raises:
        ValueError: there is no such layout, no folder, or no pictures; or the folder is not of the named layout.
    """
    if layout is not None and layout not in layouts:
        raise ValueError(f"layout {layout!r} is not one of {', '.join(layouts)}")
    if not root.is_dir():
        raise ValueError(f"{root} is not a folder" if root.exists() else f"there is no folder {root}")
    wrapping = list(_unwrap(root))
    if not wrapping:
        raise ValueError(f"there are no pictures in {root.name}: {found(root)}")
    for cls in [layouts[layout]] if layout else layouts.values():
        # lists and captions may lie beside the folder of the pictures: from the outermost folder that matches, all is in reach
        for folder in wrapping if cls.rank < GENERAL else wrapping[-1:]:
            if cls().matches(folder):
                return folder, cls
    folder = wrapping[-1] if cls.rank >= GENERAL else root
    cls().read(folder)  # says what is wrong; or can read what it would not have been taken for
    return folder, cls


GENERAL = 10  # layouts from this rank on are any folder of pictures, not one published set


def _unwrap(root: Path) -> Iterator[Path]:
    """The folders, from the outermost, below which all pictures lie; as long as none says something of them. Nothing if there are none."""
    here = root
    while True:
        files, folders = _look_into(here)
        holding = [name for name in folders if any(is_picture(path) for path in walk(here / name))]
        if not holding and not any(map(is_picture, files)):
            return
        yield here
        says = any(name.lower().startswith("metadata.") for name in files)
        if len(holding) != 1 or says or any(map(is_picture, files)) or holding[0].lower() in SPLIT_FOLDERS:
            return
        here /= holding[0]


def _look_into(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the files and of the folders in it, sorted; hidden ones are not looked at."""
    files: list[str] = []
    folders: list[str] = []
    try:
        entries = os.scandir(folder)
    except PermissionError as error:
        raise ValueError(f"the folder {folder} may not be read: permission denied") from error
    with entries:
        for entry in entries:
            if is_hidden(entry.name):
                continue
            if entry.is_dir():
                folders.append(entry.name)
            elif entry.is_file():  # neither a broken link nor a pipe
                files.append(entry.name)
    return sorted(files), sorted(folders)


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name in LEFT_BY_SYSTEMS


def walk(root: Path, depth: int = 50) -> Iterator[str]:
    """Paths of all files below the folder, "/" between parts, the same on every file system.

    Links are followed, as many a data set is made of them, but never round in a circle.
    """
    yield from _walk(root, "", depth, frozenset({root.resolve()}))


def _walk(folder: Path, prefix: str, depth: int, above: frozenset[Path]) -> Iterator[str]:
    files, folders = _look_into(folder)
    for name in files:
        yield prefix + name
    for name in folders:
        below = folder / name
        inside = above
        if below.is_symlink():
            if (target := below.resolve()) in above:
                continue
            inside = above | {target}
        if depth > 1:
            yield from _walk(below, f"{prefix}{name}/", depth - 1, inside)


def find(root: Path, *names: str, depth: int = 3) -> dict[str, list[Path]]:
    """Files and folders of these names, written small, at most `depth` folders down; the outermost first.

    Folders with many folders in them are those of classes: nothing is looked for there.
    """
    there: dict[str, list[Path]] = {name: [] for name in names}
    level = [root]
    for _ in range(depth):
        below: list[Path] = []
        for folder in level:
            files, folders = _look_into(folder)
            for one in (*files, *folders):
                if one.lower() in there:
                    there[one.lower()].append(folder / one)
            if len(folders) <= 20:
                below += (folder / one for one in folders)
        level = below
    return there


def is_picture(path: str) -> bool:
    """Whether it is called like one."""
    return os.path.splitext(path)[1].lower() in PICTURES  # noqa: PTH122 (a Path for each of 200,000 names takes a second)


def pictures(root: Path, skipped: list[Skipped]) -> list[str]:
    """Paths of all pictures; those whose names are not text are skipped."""
    paths = []
    for path in walk(root):
        if is_picture(path):
            if path.isascii() or _is_text(path):
                paths.append(path)
            else:
                skipped.append(Skipped(path.encode(errors="replace").decode(), "its name is not valid UTF-8"))
    return paths


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def without_suffix(path: str) -> str:
    return os.path.splitext(path)[0]  # noqa: PTH122


def normal(path: str) -> str:
    """As a name is compared: composed letters (macOS takes them apart), and "/" between parts."""
    return unicodedata.normalize("NFC", path.strip().replace("\\", "/")).removeprefix("./")


def text_of(path: Path) -> str:
    """A text file as text, whatever wrote it; what is not UTF-8 is taken for Latin-1."""
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def captions_of(text: str) -> tuple[str, ...]:
    """One a line, each once."""
    lines = (" ".join(line.replace("\ufffd", " ").split()) for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def rows(path: Path, root: Path, columns: int) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of each line of a list whose fields are separated by blanks; the last field may contain some.

    Raises:
        ValueError: a line has fewer fields.
    """
    for number, line in enumerate(text_of(path).splitlines(), 1):
        fields = line.split(maxsplit=columns - 1)
        if len(fields) == columns:
            yield number, [*fields[:-1], fields[-1].rstrip()]
        elif fields:
            raise broken(path, root, number, f"{columns} fields are expected, not {line.strip()[:80]!r}")


def broken(path: Path, root: Path, line: int, problem: str) -> ValueError:
    return ValueError(f"{path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name}, line {line}: {problem}")


def found(root: Path) -> str:
    """What is there instead, in words."""
    kinds: Counter[str] = Counter()
    examples: list[str] = []
    for path in walk(root):
        kinds[os.path.splitext(path)[1].lower() or "without a suffix"] += 1  # noqa: PTH122
        if len(examples) < 3:
            examples.append(path.encode(errors="replace").decode())
    if not kinds:
        return "it is empty"
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(4))
    return f"it holds {counts} (such as {', '.join(examples)})"


@dataclass(frozen=True)
class Arrangement:
    """What folders say of the pictures in them."""

    split: dict[str, Split]  # by the name of the top folder; empty where the folders are no splits
    class_names: tuple[str, ...]  # empty where the folders are no classes

    def split_of(self, path: str) -> Split | None:
        return self.split.get(path.split("/", 1)[0]) if "/" in path else None

    def class_of(self, path: str) -> str | None:
        """The name of its class' folder; None where it lies in none."""
        parts = path.split("/")
        if len(parts) > 1 and parts[0] in self.split:
            parts = parts[1:]
        return parts[0] if len(parts) > 1 else None


def arrangement(paths: Iterable[str], *, dealt_out: bool = True) -> Arrangement:
    """Read the folders of pictures: train, val and test above all, then one folder a class.

    A single folder is no class. Nor, unless told otherwise, are 0000, 0001 … (four digits and more): into such folders large
    collections are dealt out.
    """
    paths = list(paths)
    tops = {path.split("/", 1)[0] for path in paths if "/" in path}
    split = {top: SPLIT_FOLDERS[top.lower()] for top in tops} if tops and all(top.lower() in SPLIT_FOLDERS for top in tops) else {}
    folders = Arrangement(split, ())
    names = {name for path in paths if (name := folders.class_of(path)) is not None}
    meaningless = dealt_out and all(name.isdigit() and len(name) >= 4 for name in names)
    return Arrangement(split, () if len(names) < 2 or meaningless else tuple(sorted(names)))
