"""Architectures of generative models: one file each, found by importing the siblings."""

import importlib
import pkgutil

from atelier.models.base import architectures

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["architectures"]
