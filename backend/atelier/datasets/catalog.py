"""The data sets there are: built-in ones, found by importing the siblings, and those that people brought; opened by name."""

import importlib
import pkgutil
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atelier import datasets as _package
from atelier.datasets.base import Dataset, DatasetOptions, datasets
from atelier.datasets.brought import SOURCE, Brought

for _module in pkgutil.iter_modules(_package.__path__):
    importlib.import_module(f"{_package.__name__}.{_module.name}")

__all__ = ["Catalog", "datasets", "open_dataset"]

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")  # of a set that is brought: its folder's name as well


class Catalog:
    """All data sets: the built-in ones, and those in a folder, which other processes fill and empty meanwhile."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Built-in ones first."""
        there = [] if self.folder is None or not self.folder.is_dir() else [path.name for path in self.folder.iterdir()]
        return [*datasets, *sorted(name for name in there if name not in datasets and name in self)]

    def __contains__(self, name: str) -> bool:
        return name in datasets or self.stamp(name) is not None

    def stamp(self, name: str) -> tuple[int, int] | None:
        """Another one when another set has come by the name; None for a name that nobody brought a set by."""
        if self.folder is None or not NAME.fullmatch(name):
            return None
        try:
            stat = (self.folder / name / SOURCE).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return stat.st_ino, stat.st_mtime_ns

    def options_of(self, name: str) -> type[DatasetOptions]:
        """
        Raises:
            ValueError: there is none of that name.
        """
        if name in datasets:
            return datasets[name].Options
        if name in self:
            return Brought.Options
        raise ValueError(f"dataset {name!r} is not one of {', '.join(self.names())}")

    def open(self, name: str, options: Mapping[str, Any]) -> Dataset:
        """The data set of that name with these options.

        Raises:
            ValueError: there is none of that name, or an option is wrong (pydantic's ValidationError).
        """
        chosen = self.options_of(name).model_validate(options)
        if name in datasets:
            return datasets[name](chosen)
        assert self.folder is not None
        try:
            return Brought(self.folder / name, Brought.Options.model_validate(options))
        except FileNotFoundError as error:  # removed just now
            raise ValueError(f"dataset {name!r} is not one of {', '.join(self.names())}") from error


def open_dataset(name: str, options: Mapping[str, Any], folder: Path | None = None) -> Dataset:
    """A data set by its name, for notebooks and tests: built-in, or from a folder of those that were brought.

    Raises:
        ValueError: there is none of that name, or an option is wrong (pydantic's ValidationError).
    """
    return Catalog(folder).open(name, options)
