"""How good a set of pictures is: feature networks, and measures between sets of features. One file each, found by importing them."""

import importlib
import pkgutil

from atelier.metrics.base import metrics
from atelier.metrics.features import networks

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["metrics", "networks"]
