"""Atelier: a studio for generative image models."""

import inspect
import os
import sys

__version__ = "0.1.0"

# To find what stands below the fields of a class, pydantic walks up the frames to it; for each frame of the import system, inspect looks
# through all modules there are, in vain. Told whose frames they are, the service starts a third sooner.
if sys.version_info < (3, 13):
    for _name in ("importlib._bootstrap", "importlib._bootstrap_external"):
        inspect.modulesbyfile[f"<frozen {_name}>"] = inspect.modulesbyfile[os.path.abspath(f"<frozen {_name}>")] = _name  # noqa: PTH100
