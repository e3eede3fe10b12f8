"""How pictures lie in a folder that somebody brings: one file a layout, found by importing the siblings."""

import importlib
import pkgutil

from atelier.datasets.layouts.base import layouts

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
for _name in sorted(layouts, key=lambda name: layouts[name].rank):
    layouts[_name] = layouts.pop(_name)

__all__ = ["layouts"]
