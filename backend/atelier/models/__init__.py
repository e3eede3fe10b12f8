"""Architectures of generative models: one file each, found by importing the siblings, and those that installed packages offer."""

import importlib
import pkgutil
from importlib.metadata import entry_points

from atelier.models.base import architectures

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

for _offered in entry_points(group="atelier.architectures"):  # modules of others, which register theirs in the same way
    _offered.load()

__all__ = ["architectures"]
