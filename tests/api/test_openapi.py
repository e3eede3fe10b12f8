"""The committed description of the interface is the one that this code has, and says all that a client must know."""

import json
from pathlib import Path
from typing import Any

import pytest

from atelier.app import create_app
from atelier.models import architectures
from atelier.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return create_app(Settings()).openapi()


def operations(schema: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method} {path}", op) for path, ops in schema["paths"].items() for method, op in ops.items()]


def test_the_committed_file_has_not_drifted(schema: dict[str, Any]) -> None:
    committed = json.loads((ROOT / "openapi.json").read_text())
    assert committed == json.loads(json.dumps(schema)), "run: python -m atelier openapi > openapi.json"


def test_every_operation_has_an_id_of_its_own_a_tag_and_a_summary(schema: dict[str, Any]) -> None:
    ids = [op["operationId"] for _, op in operations(schema)]
    assert len(ids) == len(set(ids))
    for name, op in operations(schema):
        assert op["operationId"].isidentifier(), name
        assert "_api_v1_" not in op["operationId"], name  # FastAPI's own choice, which changes with the path
        assert op["tags"], name
        assert op["summary"], name
        assert op["description"], name


def test_every_body_has_an_example(schema: dict[str, Any]) -> None:
    for name, op in operations(schema):
        for content in op.get("requestBody", {}).get("content", {}).values():
            assert content.get("examples"), name


def test_every_error_is_declared_as_a_problem(schema: dict[str, Any]) -> None:
    for name, op in operations(schema):
        theirs = name.split()[-1].startswith("/v1/")  # OpenAI's, whose errors have one shape and fewer codes
        for status, response in op["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/json" if theirs else "application/problem+json"], (name, status)
        if "{" in name:
            assert "404" in op["responses"], name
        if "requestBody" in op:
            assert {"400", "403"} <= op["responses"].keys() if theirs else {"403", "413", "415", "422"} <= op["responses"].keys(), name
    assert "HTTPValidationError" not in json.dumps(schema)


@pytest.mark.parametrize("name", architectures)
def test_the_body_of_a_training_run_shows_every_hyperparameter(schema: dict[str, Any], name: str) -> None:
    body = schema["paths"]["/api/v1/training-runs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["discriminator"]["propertyName"] == "architecture"
    components = schema["components"]["schemas"]
    run = components[body["discriminator"]["mapping"][name].rpartition("/")[2]]
    overrides = components[run["properties"]["hyperparameters"]["$ref"].rpartition("/")[2]]
    assert overrides["properties"].keys() == architectures[name].Hyperparameters.model_fields.keys()
    assert "required" not in overrides
    for field in overrides["properties"].values():
        assert field["description"]
        assert "default" not in field  # the preset decides it
