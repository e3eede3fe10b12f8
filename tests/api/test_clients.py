"""A client that openapi-python-client makes of our description, on the walk from a data set to pictures, their scores, and the bin."""

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "docs" / "openapi-python-client.yaml"


class Generated:
    """The package; `call("get_run", …)` finds the operation by its id."""

    def __init__(self, folder: Path, server: str) -> None:
        package = importlib.import_module("atelier_client")
        self.client = package.Client(base_url=server, timeout=60)
        self.models = importlib.import_module("atelier_client.models")
        self._modules = {path.stem: ".".join(path.relative_to(folder).with_suffix("").parts) for path in folder.rglob("api/*/*.py")}

    def call(self, operation: str, *path: Any, **arguments: Any) -> Any:
        response = importlib.import_module(self._modules[operation]).sync_detailed(*path, client=self.client, **arguments)
        assert response.status_code < 300, response.content
        return response

    def finished(self, operation: str, job: Any) -> Any:
        """The job once it has succeeded."""
        deadline = time.monotonic() + 300
        while job.status not in ("succeeded", "failed"):
            assert time.monotonic() < deadline
            time.sleep(0.2)
            job = self.call(operation, job.id).parsed
        assert job.status == "succeeded", job.error
        return job


@pytest.fixture(scope="module")
def generated(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Generated]:
    folder = tmp_path_factory.mktemp("generated")
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from openapi_python_client.cli import app; app()", "generate", "--meta", "none", "--config", CONFIG),
            *("--path", ROOT / "openapi.json", "--output-path", folder / "atelier_client", "--fail-on-warning"),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    made = Generated(folder, server)
    with made.client:
        yield made
    sys.path.remove(str(folder))


@pytest.mark.timeout(600)  # generating, and two processes that import torch: slow beside other work
def test_the_description_is_read_without_a_warning_and_serves_the_whole_walk(generated: Generated) -> None:
    body = {
        "architecture": "cgan",
        "dataset": "digits",
        "dataset_options": {},
        "model": "generated",
        "preset": "debug",
        "hyperparameters": {"steps": 3},
    }
    run = generated.call("start_training_run", body=generated.models.CGANTrainingRunIn.from_dict(body)).parsed
    run = generated.finished("get_training_run", run)

    asked = generated.models.ImagesIn.from_dict({"count": 2, "seed": 1, "class_index": 3})
    images = generated.call("draw_images", "generated", run.version, body=asked).parsed
    assert [image.seed for image in images.items] == [1, 2]
    picture = generated.call("get_image", images.items[0].id)
    assert picture.content.startswith(b"\x89PNG")
    assert json.loads(generated.call("get_version", "generated", run.version).content)["architecture"] == "cgan"
    assert generated.call("download_version", "generated", run.version).content.startswith(b"PK")
    assert "generated" in [model.name for model in generated.call("list_models").parsed.items]

    asked = generated.models.EvaluateRequest.from_dict({"model": "generated", "metrics": ["diversity"], "num_samples": 10})
    evaluation = generated.finished("get_evaluation", generated.call("start_evaluation", body=asked).parsed)
    [score] = generated.call("list_version_scores", "generated", run.version).parsed.items
    assert (score.metric, score.num_generated, score.job) == ("diversity", 10, evaluation.id)

    for image in images.items:
        generated.call("delete_image", image.id)
    generated.call("delete_version", "generated", run.version)
    assert [(gone.model, gone.version) for gone in generated.call("list_bin").parsed.items] == [("generated", run.version)]
    assert generated.call("empty_bin").parsed.versions == [f"generated@{run.version}"]
    assert generated.call("list_bin").parsed.items == []
    assert images.items[0].id not in [image.id for image in generated.call("list_images").parsed.items]
