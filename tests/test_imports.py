"""Who may import whom, where the answer follows from what there is: new files and packages are covered unasked."""

import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

from atelier.metrics import metrics
from atelier.models import architectures

ROOT = Path(__file__).parents[1]
SERVICE = {"api", "cli", "jobs", "registry", "serving"}
SHARED = ("augment", "base", "layers", "prompted", "textgame")
FOR_ARCHITECTURES = (*(f"atelier.models.{name}" for name in SHARED), "atelier.text")
FOR_METRICS = ("atelier.metrics.base", "atelier.metrics.features", "atelier.metrics.frechet", "atelier.models.base")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("atelier", exclude_type_checking_imports=True)


def test_every_package_of_the_core_is_under_contract() -> None:
    packages = {path.parent.name for path in (ROOT / "backend" / "atelier").glob("*/__init__.py")}
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {name.removeprefix("atelier.") for name in contracts[0]["source_modules"]} == packages - SERVICE


def test_every_kind_of_job_is_kept_from_the_web_process() -> None:
    kinds = {
        f"atelier.jobs.{path.stem}" for path in (ROOT / "backend" / "atelier" / "jobs").glob("*.py") if "\ndef run(" in path.read_text()
    }
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert kinds == set(contracts[1]["forbidden_modules"]) - {"atelier.training"}


@pytest.mark.parametrize("name", architectures)
def test_an_architecture_stands_alone(name: str, graph: grimp.ImportGraph) -> None:
    imported = graph.find_modules_directly_imported_by(architectures[name].__module__)
    assert {module for module in imported if not module.startswith(FOR_ARCHITECTURES)} == set()


@pytest.mark.parametrize("name", metrics)
def test_a_metric_stands_alone(name: str, graph: grimp.ImportGraph) -> None:
    imported = graph.find_modules_directly_imported_by(metrics[name].measure.__module__)
    assert {module for module in imported if module.startswith("atelier.") and not module.startswith(FOR_METRICS)} == set()


def test_help_does_not_wait_for_torch() -> None:
    code = "import sys, atelier.cli; print(*{'torch', 'fastapi', 'sqlalchemy', 'numpy'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
