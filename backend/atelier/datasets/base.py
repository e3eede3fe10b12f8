"""The contract every data set fulfils: options, items, splits, drawing, registration."""

import hashlib
import inspect
import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import ClassVar, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
SHARES = (0.90, 0.95)  # what of the pictures is train, and train or val, where the set itself does not say

A = TypeVar("A")
B = TypeVar("B")


class DatasetOptions(BaseModel):
    """What the user may choose of a data set; a data set adds its own fields.

    Every field carries a default, bounds and one sentence: they become the JSON Schema, the form and the documentation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


@dataclass(frozen=True, slots=True)
class Item:
    """What is known of one picture."""

    label: int = 0  # index into class_names
    captions: tuple[str, ...] = ()  # each describes the whole picture; training picks one at random
    attributes: tuple[float, ...] = ()  # one value for each of attribute_names
    concept: str = ""  # near-duplicates share it, so that a split keeps them together; empty where there are none
    split: Split | None = None  # by the set's own file; None: it says nothing of this picture


class Dataset(ABC):
    """A source of pictures, drawn at whatever resolution is asked for.

    The first paragraph of a subclass' docstring is its summary. Making one is cheap, and so are its properties:
    the server lists them.
    """

    name: str
    title: str
    licence: str
    channels: int = 3  # 1 grey, 3 RGB
    mirrorable: bool = True  # whether a picture seen in a mirror is as true as itself
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
        """The picture as uint8 [resolution, resolution, channels]; the same pixels every time, from any thread."""

    @abstractmethod
    def identity(self) -> str:
        """What decides the pixels beside options and resolution: the version of the source, and of the drawing here."""

    def __len__(self) -> int:
        return len(self.items)

    def summary(self) -> str:
        return inspect.cleandoc(type(self).__doc__ or "").split("\n\n")[0].replace("\n", " ")


def split_of(item: Item, index: int) -> Split:
    """By the set's own file; else by chance, the same for pictures of one concept and whatever else is in the set."""
    if item.split is not None:
        return item.split
    digest = hashlib.sha256((item.concept or f"picture {index}").encode(errors="surrogatepass")).digest()
    return SPLITS[sum(int.from_bytes(digest[:8], "big") >= share * 2**64 for share in SHARES)]


def splits_of(items: Iterable[Item]) -> NDArray[np.uint8]:
    """For each item the index into SPLITS, [N]; where nothing would be left to train on, everything is."""
    code = {name: index for index, name in enumerate(SPLITS)}
    splits = np.fromiter((code[split_of(item, index)] for index, item in enumerate(items)), np.uint8)
    return splits if (splits == code["train"]).any() else np.zeros_like(splits)


def in_threads(function: Callable[[A], B], inputs: Iterable[A], *, window: int = 32) -> Generator[B]:
    """Like map, in order, with at most `window` results that nobody has taken yet; for work that releases the interpreter's lock."""
    pool = ThreadPoolExecutor(min(8, max(2, os.cpu_count() or 1)))
    pending: deque[Future[B]] = deque()
    try:
        for value in inputs:
            pending.append(pool.submit(function, value))
            if len(pending) == window:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


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
