"""What must hold for every route, those to come included."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from atelier.api import negotiation
from atelier.api.deps import reading, services, writing
from atelier.app import create_app
from atelier.settings import Settings


def dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for dependency in dependant.dependencies:
        yield from dependants(dependency)


ROUTES = [context.original_route for context in iter_route_contexts(create_app(Settings()).routes)]
DEPENDANTS = [dependant for route in ROUTES if isinstance(route, APIRoute) for dependant in dependants(route.dependant)]
# By name: the routes that every kind of job has are made once a kind, of the same source.
HANDLERS = {f"{d.call.__module__}.{d.call.__qualname__}": d.call for d in DEPENDANTS if inspect.isroutine(d.call)}
AWAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith)
INSTANT = (services, negotiation._preferred)  # they look something up: a hop to a thread would cost each request more than they do


def awaits(function: Callable[..., Any]) -> bool:
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    return any(isinstance(node, AWAITS) for node in ast.walk(tree))


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_async_means_awaiting(handler: Callable[..., Any]) -> None:
    """Without an await it would hold up the event loop; plain functions run in a thread."""
    if inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler):
        assert awaits(handler) or handler in INSTANT, f"{handler.__module__}.{handler.__name__} awaits nothing: make it a plain def"


def test_transactions_end_before_the_answer_leaves() -> None:
    """In FastAPI's default scope they end after it: a client that follows up at once would not find what it was told of."""
    transactions = [dependant for dependant in DEPENDANTS if dependant.call in (reading, writing)]
    assert len(transactions) > 5
    assert {dependant.scope for dependant in transactions} == {"function"}


def test_the_rule_sees_all_routes() -> None:
    assert len(HANDLERS) > 25
    assert any(inspect.iscoroutinefunction(handler) for handler in HANDLERS.values())


async def _awaits_nothing() -> int:
    return 1


def test_the_rule_finds_what_it_forbids() -> None:
    assert not awaits(_awaits_nothing)
