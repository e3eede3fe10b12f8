"""No handler or dependency is `async def` without awaiting anything: it would hold up the event loop; plain ones run in a thread."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from atelier.app import create_app
from atelier.settings import Settings
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts


def calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    if dependant.call is not None:
        yield dependant.call
    for dependency in dependant.dependencies:
        yield from calls(dependency)


ROUTES = [context.original_route for context in iter_route_contexts(create_app(Settings()).routes)]
HANDLERS = {call for route in ROUTES if isinstance(route, APIRoute) for call in calls(route.dependant)}
AWAITS = (ast.Await, ast.AsyncFor, ast.AsyncWith)


def awaits(function: Callable[..., Any]) -> bool:
    [tree] = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    return any(isinstance(node, AWAITS) for node in ast.walk(tree))


@pytest.mark.parametrize("handler", sorted(HANDLERS, key=lambda f: f.__name__), ids=lambda f: f.__name__)
def test_async_means_awaiting(handler: Callable[..., Any]) -> None:
    if inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler):
        assert awaits(handler), f"{handler.__module__}.{handler.__name__} awaits nothing: make it a plain def"


def test_the_rule_sees_all_routes() -> None:
    assert len(HANDLERS) > 25
    assert any(inspect.iscoroutinefunction(handler) for handler in HANDLERS)


async def _awaits_nothing() -> int:
    return 1


def test_the_rule_finds_what_it_forbids() -> None:
    assert not awaits(_awaits_nothing)
