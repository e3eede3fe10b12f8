"""Lists in pages: the envelope, and cursors bound to the order they were made for."""

import base64
import binascii
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from atelier.errors import BadRequest

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """Some items of a list."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    items: list[T]
    next_cursor: str | None
    """Give it as `cursor` to read on; null at the end."""


Limit = Annotated[int, Query(ge=1, le=200, description="Items in a page.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before.")]


def encode(order: str, position: int) -> str:
    return base64.urlsafe_b64encode(f"{order}:{position}".encode()).decode()


def encode_ranked(order: str, rank: float, position: int) -> str:
    """For lists in the order of a number that several items may share."""
    return encode(f"{order}:{rank.hex()}", position)


def decode_ranked(order: str, cursor: str | None) -> tuple[float, int] | None:
    """
    Raises:
        BadRequest: as `decode`.
    """
    if cursor is None:
        return None
    try:
        rank = base64.urlsafe_b64decode(cursor).decode().removeprefix(f"{order}:").partition(":")[0]
        found = float.fromhex(rank)
    except (binascii.Error, ValueError, OverflowError):
        raise _no_cursor() from None
    position = decode(f"{order}:{rank}", cursor)
    assert position is not None
    return found, position


def decode(order: str, cursor: str | None) -> int | None:
    """
    Raises:
        BadRequest: the cursor belongs to another list, or is none.
    """
    if cursor is None:
        return None
    try:
        name, _, position = base64.urlsafe_b64decode(cursor).decode().rpartition(":")
        if name == order and 0 <= int(position) < 2**63:
            return int(position)
    except (binascii.Error, UnicodeError, ValueError):
        pass
    raise _no_cursor()


def _no_cursor() -> BadRequest:
    return BadRequest("This cursor belongs to no page of this list; begin again without one.")
