"""The data sets there are: found by importing the siblings, opened by name."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

from atelier import datasets as _package
from atelier.datasets.base import Dataset, datasets

for _module in pkgutil.iter_modules(_package.__path__):
    importlib.import_module(f"{_package.__name__}.{_module.name}")

__all__ = ["datasets", "open_dataset"]


def open_dataset(name: str, options: Mapping[str, Any]) -> Dataset:
    """The data set of that name with these options.

    Raises:
        ValueError: there is none of that name, or an option is wrong (pydantic's ValidationError).
    """
    if name not in datasets:
        raise ValueError(f"dataset {name!r} is not one of {', '.join(datasets)}")
    cls = datasets[name]
    return cls(cls.Options.model_validate(options))
