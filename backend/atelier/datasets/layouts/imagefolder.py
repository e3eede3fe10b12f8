"""Hugging Face's ImageFolder with metadata."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from atelier.datasets.base import Item
from atelier.datasets.layouts.base import (
    Entry,
    Layout,
    Listing,
    Skipped,
    arrangement,
    broken,
    captions_of,
    found,
    layout,
    normal,
    pictures,
    text_of,
    walk,
)

METADATA = ("metadata.jsonl", "metadata.csv")
CAPTIONS = ("text", "caption", "captions", "texts", "prompt", "description", "sentence", "sentences")
LABELS = ("label", "class", "category", "label_name", "class_name")
MOST_EMPTY = 0.1  # of a column's fields; a picture without a value is left out, but not every second one
TRUTH = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


@dataclass(frozen=True)
class Row:
    """What is said of one picture, and where."""

    place: str  # of the picture, below the root
    said: dict[str, Any]
    file: Path
    line: int


@layout("imagefolder")
class ImageFolder(Layout):
    """Pictures with a metadata.csv or metadata.jsonl, as Hugging Face's ImageFolder: file_name, and text, label or attributes.

    The file lies above the pictures, or one in each of the folders train, validation and test. Columns named text or caption (a text,
    or a list of texts) are captions; a column named label, a number or a name, is the class. Other columns are attributes where
    all values are true or false, numbers from 0 to 1, or 1 and -1; further numbers are not scaled here, as nobody but the owner
    knows what range they have.
    """

    title = "Hugging Face ImageFolder"
    wanted = "a metadata.csv or metadata.jsonl with a column file_name"
    rank = 15

    def matches(self, root: Path) -> bool:
        return next(_files(root), None) is not None

    def read(self, root: Path) -> Listing:
        files = list(_files(root))
        if not files:
            raise ValueError(f"{root.name} is not laid out as {self.title}: expected {self.wanted}; {found(root)}")
        skipped: list[Skipped] = []
        rows = [row for file in files for row in _rows(file, root)]
        paths = pictures(root, skipped)
        there = {normal(path): path for path in paths}
        folders = arrangement(paths)

        known: list[Row] = []
        seen: set[str] = set()
        for row in rows:
            if row.place in seen:
                skipped.append(Skipped(row.place, f"{_where(row, root)} names it once more"))
            elif row.place not in there:
                skipped.append(Skipped(row.place, f"{_where(row, root)} names it, and it is not there"))
            else:
                known.append(row)
            seen.add(row.place)
        names = ", ".join(file.relative_to(root).as_posix() for file in files)
        skipped += (Skipped(path, f"{names} says nothing of it") for place, path in there.items() if place not in seen)
        if not known:
            raise ValueError(f"none of the pictures that {names} names is there, such as {rows[0].place}" if rows else f"{names} is empty")

        columns = list(dict.fromkeys(name for row in known for name in row.said))
        label_column = next((name for wanted in LABELS for name in columns if name.lower() == wanted), None)
        caption_columns = [name for name in columns if name.lower() in CAPTIONS]
        class_names, labels = _labels(known, label_column, root)
        attribute_columns: dict[str, list[float | None]] = {}
        for name in columns:
            if name != label_column and name not in caption_columns:
                column = _attribute([row.said.get(name) for row in known])
                if isinstance(column, str):
                    skipped.append(Skipped(names, f"the column {name!r} is left out: {column}"))
                elif column:
                    attribute_columns[name] = column

        entries: list[Entry] = []
        for position, row in enumerate(known):
            place, label = there[row.place], labels[position]
            captions = tuple(dict.fromkeys(caption for name in caption_columns for caption in _captions(row.said.get(name))))
            attributes = tuple(values[position] for values in attribute_columns.values())
            missing = next((name for name, value in zip(attribute_columns, attributes, strict=True) if value is None), None)
            if label is None:
                skipped.append(Skipped(place, f"{_where(row, root)} has no {label_column}"))
            elif caption_columns and not captions:
                skipped.append(Skipped(place, f"{_where(row, root)} has no {caption_columns[0]}"))
            elif missing is not None:
                skipped.append(Skipped(place, f"{_where(row, root)} has no {missing}"))
            else:
                numbers = tuple(value for value in attributes if value is not None)
                entries.append(Entry(place, Item(label, captions, numbers, split=folders.split_of(place))))
        return Listing(entries, class_names, tuple(attribute_columns), tuple(skipped))


def _files(root: Path) -> Iterator[Path]:
    """The metadata files: above all pictures, or in the folders just below."""
    for path in walk(root, depth=3):
        if path.rpartition("/")[2].lower() in METADATA:
            yield root / path


def _where(row: Row, root: Path) -> str:
    return f"{row.file.relative_to(root).as_posix()}, line {row.line},"


def _rows(path: Path, root: Path) -> Iterator[Row]:
    """Lines of one metadata file."""
    prefix = "" if path.parent == root else f"{path.parent.relative_to(root).as_posix()}/"
    lines = _json_lines(path, root) if path.suffix.lower() == ".jsonl" else _csv_lines(path, root)
    for line, said in lines:
        column = next((name for name in said if name == "file_name" or str(name).endswith("_file_name")), None)
        if column is None:
            raise broken(
                path, root, line, f"there is no file_name; there are {', '.join(map(str, said)) or 'no columns'} (or name another layout)"
            )
        name = said.pop(column)
        if not isinstance(name, str) or not name.strip():
            raise broken(path, root, line, f"{column} is no name of a file: {name!r}")
        yield Row(prefix + normal(name), said, path, line)


def _json_lines(path: Path, root: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, text in enumerate(text_of(path).split("\n"), 1):
        if text.strip():
            try:
                said = json.loads(text)
            except ValueError as error:
                raise broken(path, root, line, f"not JSON: {error}") from None
            if not isinstance(said, dict):
                raise broken(path, root, line, "expected an object in braces")
            yield line, said


def _csv_lines(path: Path, root: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    text = text_of(path)
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)  # a spreadsheet writes what its language has
    reader = csv.DictReader(text.splitlines(keepends=True), delimiter=delimiter, restkey="")
    try:
        for said in reader:
            if "" in said and any(said[""]):
                raise broken(path, root, reader.line_num, f"there are more fields than the {len(reader.fieldnames or ())} columns")
            yield reader.line_num, {name.strip(): value for name, value in said.items() if name}
    except csv.Error as error:
        raise broken(path, root, reader.line_num, str(error)) from None


def _captions(value: Any) -> tuple[str, ...]:
    """Captions of one field; a text counts as one, whatever lines it has."""
    if isinstance(value, str):
        value = [value]
    return tuple(caption for one in value or () if isinstance(one, str) for caption in captions_of(" ".join(one.split())))


def _labels(rows: list[Row], column: str | None, root: Path) -> tuple[tuple[str, ...], list[int | None]]:
    """Names of the classes, in the order of numbers or of the alphabet; and the label of each row."""
    if column is None:
        return (), [0] * len(rows)
    said = [row.said.get(column) for row in rows]
    for row, value in zip(rows, said, strict=True):
        if isinstance(value, (list, dict, float)) and not (isinstance(value, float) and value.is_integer()):
            raise broken(row.file, root, row.line, f"{column} is neither a whole number nor a name: {value!r}")
    texts = [None if value is None else str(int(value)) if isinstance(value, (bool, float)) else str(value).strip() for value in said]
    names = {text for text in texts if text}
    numbers = all(name.removeprefix("-").isdecimal() for name in names)
    ordered = tuple(sorted(names, key=int) if numbers else sorted(names))
    if len(ordered) < 2:
        return (), [0] * len(rows)
    index = {name: label for label, name in enumerate(ordered)}
    return ordered, [index[text] if text else None for text in texts]


def _attribute(said: list[Any]) -> list[float | None] | str:
    """The column from 0 to 1, None where a field is empty; nothing where it holds no numbers; why not, where they are no attribute."""
    values: list[float | None] = []
    for value in said:
        if value is None or value == "":
            values.append(None)
        elif isinstance(value, str) and value.strip().lower() in TRUTH:
            values.append(TRUTH[value.strip().lower()])
        else:
            try:
                number = float(value)
            except (TypeError, ValueError):
                return []  # words, lists: of no use here, and nobody expects them to be
            values.append(number if isfinite(number) else None)
    numbers = {value for value in values if value is not None}
    if not numbers:
        return []
    if (empty := values.count(None)) > MOST_EMPTY * len(values):
        return f"it is empty in {empty} of {len(values)} lines"
    if numbers <= {-1.0, 1.0} and -1.0 in numbers:
        return [None if value is None else (value + 1) / 2 for value in values]
    if min(numbers) < 0 or max(numbers) > 1:
        return f"an attribute goes from 0 to 1, and this from {min(numbers):g} to {max(numbers):g}"
    return values
