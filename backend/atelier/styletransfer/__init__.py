"""Style transfer: pictures drawn in the manner of others. One file a method, found by importing the siblings."""

import importlib
import pkgutil

from atelier.styletransfer.base import methods
from atelier.styletransfer.networks import networks

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["methods", "networks"]
