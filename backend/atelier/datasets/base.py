"""The contract every data set fulfils: options, items, drawing, registration."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict


class DatasetOptions(BaseModel):
    """What the user may choose of a data set; a data set adds its own fields.

    Every field carries a default, bounds and one sentence: they become the JSON Schema, the form and the documentation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


@dataclass(frozen=True)
class Item:
    """What is known of one picture."""

    label: int = 0  # index into class_names
    captions: tuple[str, ...] = ()  # each describes the whole picture; training picks one at random
    attributes: tuple[float, ...] = ()  # one value for each of attribute_names
    concept: str = ""  # near-duplicates share it, so that a split keeps them together; empty where there are none


class Dataset(ABC):
    """A source of pictures, drawn at whatever resolution is asked for.

    The first paragraph of a subclass' docstring is its summary. Making one is cheap, and so are its properties:
    the server lists them.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    licence: ClassVar[str]
    channels: ClassVar[int] = 3  # 1 grey, 3 RGB
    mirrorable: ClassVar[bool] = True  # whether a picture seen in a mirror is as true as itself
    Options: ClassVar[type[DatasetOptions]] = DatasetOptions
    attribute_names: tuple[str, ...] = ()

    def __init__(self, options: DatasetOptions) -> None:
        self.options = options

    @property
    @abstractmethod
    def items(self) -> Sequence[Item]:
        """All pictures, always in the same order."""

    @property
    @abstractmethod
    def class_names(self) -> tuple[str, ...]:
        """What the labels stand for; empty where the pictures have no classes."""

    @abstractmethod
    def draw(self, index: int, resolution: int) -> NDArray[np.uint8]:
        """The picture as uint8 [resolution, resolution, channels]; the same pixels every time."""

    @abstractmethod
    def identity(self) -> str:
        """What decides the pixels beside options and resolution: the version of the source, and of the drawing here."""

    def __len__(self) -> int:
        return len(self.items)

    @classmethod
    def summary(cls) -> str:
        return inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " ")


datasets: dict[str, type[Dataset]] = {}


def dataset(name: str) -> Callable[[type[Dataset]], type[Dataset]]:
    """Register a class under its public name."""

    def register(cls: type[Dataset]) -> type[Dataset]:
        if name in datasets:
            raise ValueError(f"dataset {name!r} is already defined in {datasets[name].__module__}")
        cls.name = name
        datasets[name] = cls
        return cls

    return register


def package_file(package: str, path: str) -> Path:
    """A file of an installed package, found without importing the package (and all that it would import in turn)."""
    return Path(str(distribution(package).locate_file(path)))
