"""How a version is called: by its number, as the latest of its model, or by an alias that somebody gave it."""

import re

ALIAS = r"^[a-z][a-z0-9._-]{0,31}$"
LATEST = "latest"
MAX_NUMBER = 2**31 - 1  # beyond it, PostgreSQL's integers end

VersionName = int | str
"""3, `latest`, or an alias."""


def parse(version: str) -> tuple[str, VersionName]:
    """("cats", 3) of cats@3, ("cats", "production") of cats@production, ("cats", "latest") of cats."""
    model, _, name = version.partition("@")
    return model, int(name) if name.isdecimal() else name or LATEST


def check_alias(alias: str) -> None:
    """
    Raises:
        ValueError: an alias of that form could be taken for something else.
    """
    if not re.fullmatch(ALIAS, alias):
        raise ValueError("use up to 32 lower-case letters, digits, dots, dashes and underscores, with a letter first")
    if alias == LATEST or re.fullmatch(r"v[0-9]+", alias):
        raise ValueError(f"{alias!r} is no alias: it reads like {'the newest version' if alias == LATEST else 'a version number'}")
