"""Writes what documents derive from code: the README's table of settings, and openapi.json. `make docs` runs it."""

import json
import re
from pathlib import Path

from atelier.app import create_app
from atelier.settings import Settings

ROOT = Path(__file__).parents[1]


def settings_table() -> str:
    rows = ["| variable | default | what |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "–" if field.default in (None, ()) else f"`{field.default}`"
        rows.append(f"| `ATELIER_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def readme() -> str:
    """The README as it should be."""
    between = r"(<!-- settings: written by `make docs` -->\n).*?(<!-- /settings -->)"
    return re.sub(between, lambda found: found[1] + settings_table() + "\n" + found[2], (ROOT / "README.md").read_text(), flags=re.DOTALL)


if __name__ == "__main__":
    (ROOT / "README.md").write_text(readme())
    (ROOT / "openapi.json").write_text(json.dumps(create_app(Settings()).openapi(), indent=2, ensure_ascii=False) + "\n")
