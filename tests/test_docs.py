"""What the documents show is true: commands run, code works, tables and links fit."""

import importlib
import io
import json
import re
import runpy
import shlex
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from tests.conftest import photograph

from atelier.cli.common import pairs
from atelier.datasets.cache import prepare
from atelier.datasets.catalog import open_dataset
from atelier.datasets.downloads import downloads
from atelier.datasets.layouts.base import layouts
from atelier.models import artifact
from atelier.models.base import ImageSpec, architectures
from atelier.registry.database import Database, migrate
from atelier.registry.starters import adopt
from atelier.registry.store import Store
from atelier.training.loop import Training

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
STARTERS = runpy.run_path(str(ROOT / "docs" / "starters.py"))["STARTERS"]


def block(language: str, containing: str) -> str:
    blocks = re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    return next(text for text in blocks if containing in text)


def test_the_curl_walk_ends_in_a_picture(server: str, tmp_path: Path) -> None:
    walk = block("bash", "curl").replace("http://127.0.0.1:8000", server)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", walk], cwd=tmp_path, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stderr
    assert '"succeeded"' in done.stdout
    assert (tmp_path / "curled.png").read_bytes().startswith(b"\x89PNG")


def test_a_zip_is_brought_as_told(server: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "orchids.zip", "w") as archive:
        for shade in range(12):
            picture = io.BytesIO()
            Image.new("RGB", (40, 30), (20 * shade, 90, 255 - 20 * shade)).save(picture, "PNG")
            archive.writestr(f"{shade}.png", picture.getvalue())
    bring = block("sh", "curl -F").replace("http://127.0.0.1:8000", server).replace("curl -F", "curl -sS -F")
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", bring], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    job = json.loads(done.stdout)
    deadline = time.monotonic() + 60
    while job["status"] not in ("succeeded", "failed"):
        assert time.monotonic() < deadline, job
        time.sleep(0.2)
        job = httpx.get(f"{server}/api/v1/preparations/{job['id']}").json()
    assert job["status"] == "succeeded", job["error"]
    assert httpx.get(f"{server}/api/v1/datasets/orchids").json()["num_images"] == 12


def test_styles_are_transferred_as_told(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "style-transfer.md").read_text()
    for seed, name in enumerate(("cat.jpg", "waves.jpg")):
        photograph(seed).save(tmp_path / name)
    asked = re.findall(r"^```sh\n(curl.*?)^```", page, flags=re.DOTALL | re.MULTILINE)[0]
    send, fetch = asked.replace("http://127.0.0.1:8000", server).replace("curl ", "curl -sS ").splitlines()

    def ask(command: str) -> str:
        return subprocess.run(["bash", "-euc", command], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60).stdout

    job = json.loads(ask(send.replace('{"size": 512}', '{"size": 64, "smallest": 64, "steps": 2}')))
    deadline = time.monotonic() + 60
    while job["status"] not in ("succeeded", "failed"):
        assert time.monotonic() < deadline, job
        time.sleep(0.2)
        job = httpx.get(f"{server}/api/v1/style-transfers/{job['id']}").json()
    assert job["status"] == "succeeded", job["error"]
    ask(fetch.replace("transfers/1/", f"transfers/{job['id']}/"))
    with Image.open(tmp_path / "cat.png") as picture:
        assert picture.size == (64, 53)

    (code,) = re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    (tmp_path / "cat.png").unlink()
    monkeypatch.chdir(tmp_path)
    exec(compile(code.replace("size=384", "size=64, smallest=64, steps=2"), "style-transfer.md", "exec"), {})
    assert (tmp_path / "cat.png").exists()


def test_sliders_move_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "control.md").read_text(), flags=re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(ROOT)
    names: dict[str, torch.Tensor] = {}
    exec(compile(code, "control.md", "exec"), names)
    assert names["images"].shape == (2, 1, 32, 32)


@pytest.fixture
def registry() -> Iterator[None]:
    known = dict(architectures)
    yield
    architectures.clear()
    architectures.update(known)


@pytest.mark.usefixtures("registry")
def test_the_architecture_of_the_readme_learns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lsgan.py").write_text(block("python", "@architecture"))
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("lsgan")
    lsgan = architectures["lsgan"]
    hp = lsgan.hyperparameters("debug", steps=3)
    assert lsgan.latent_dim(hp) == lsgan(hp, ImageSpec(3, 16)).generator.latent_dim  # no hyper-parameter of it
    dataset = prepare(open_dataset("shapes", {"count": 32}), hp.resolution, tmp_path)
    training = Training(lsgan(hp, dataset.spec), dataset, hp, device=torch.device("cpu"), seed=0)
    before = training.preview()
    training.run(lambda tick: None)
    assert not np.array_equal(training.preview(), before)


def test_the_table_of_settings_has_not_drifted() -> None:
    assert runpy.run_path(str(ROOT / "docs" / "generate.py"))["readme"]() == README, "run: make docs"


def test_the_table_of_layouts_has_all_of_them() -> None:
    table = README[README.index("| layout | what it is |") :]
    assert re.findall(r"^\| `([a-z-]+)` \|", table[: table.index("\n\n")], flags=re.MULTILINE) == list(layouts)
    named = re.findall(r"`([a-z0-9-]+)`", re.findall(r"downloads a set \(also ([^)]*)\)", README)[0]) + re.findall(
        r"datasets add (\w+)` down", README
    )
    assert set(named) == set(downloads)


@pytest.mark.parametrize("document", ["README.md", "models_store/README.md", "docs/control.md"])
def test_links_lead_somewhere(document: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / document).read_text())
    assert [target for target in targets if not ((ROOT / document).parent / target).exists()] == []


def test_the_image_is_built_as_recommended() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "docker/Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_compose_and_image_agree() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    compose = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
    service = compose["services"]["atelier"]
    assert (ROOT / "docker" / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == ROOT / "docker" / "Dockerfile"
    assert set(service["build"]["args"]) == set(re.findall(r"^ARG (\w+)", dockerfile, flags=re.MULTILINE))
    (port,), (volume,) = service["ports"], service["volumes"]
    assert port.startswith("127.0.0.1:")
    assert port.endswith(":" + re.findall(r"^EXPOSE (\d+)", dockerfile, flags=re.MULTILINE)[0])
    name, _, folder = volume.partition(":")
    assert name in compose["volumes"]
    assert f"VOLUME {folder}\n" in dockerfile
    assert f"ATELIER_STORE_DIR={folder} " in dockerfile


def test_the_wheel_of_the_image_is_built_from_what_docker_is_given() -> None:
    """Everything that pyproject.toml names for the build is let through by the ignore file."""
    given = set(re.findall(r"^!(\S+)", (ROOT / "docker" / "Dockerfile.dockerignore").read_text(), flags=re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["path"]
    named = {"pyproject.toml", hook, project["project"]["readme"], *project["project"]["license-files"], "frontend", "backend"}
    assert {path for path in named if path not in given and path.split("/")[0] not in given} == set()


def test_what_is_packed_is_a_starter_in_half_precision_and_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_STORE_DIR", str(tmp_path / "store"))
    command = [sys.executable, "-m", "atelier", "train", "vae", "--dataset", "shapes", "--data", "count=20"]
    command += ["--preset", "debug", "--set", "steps=2", "--model", "small"]
    for more in ([], ["--start-from", "small@1"]):
        subprocess.run([*command, *more], check=True, capture_output=True)
    pack = runpy.run_path(str(ROOT / "docs" / "starters.py"))["pack"]
    pack.__globals__["ROOT"] = tmp_path
    folder = pack("small", tmp_path / "store")
    assert folder == tmp_path / "models_store" / "versions" / "small" / "v1"
    manifest, generator = artifact.load(folder, torch.device("cpu"))
    assert (manifest.starter, manifest.training.job, manifest.training.start_from) == (True, None, None)  # both stay behind
    trained = tmp_path / "store" / "versions" / "small" / "v2"
    assert (folder / "generator.safetensors").stat().st_size < 0.6 * (trained / "generator.safetensors").stat().st_size
    assert (folder / "samples.png").read_bytes() == (trained / "samples.png").read_bytes()
    store, database = Store(tmp_path / "models_store"), Database(f"sqlite:///{tmp_path / 'atelier.db'}")
    migrate(f"sqlite:///{tmp_path / 'atelier.db'}")
    with database.write() as session:
        assert [version.model.name for version in adopt(session, store)] == ["small"]
    database.dispose()
    assert generator(*generator.inputs([1])).isfinite().all()


def test_every_starter_is_there_and_comes_into_the_image_and_nothing_else_of_a_store_does() -> None:
    there = {
        path.parent.parent.name
        for path in (ROOT / "models_store" / "versions").glob("*/v1/manifest.json")
        if json.loads(path.read_text()).get("starter")
    }
    ignore = (ROOT / "docker" / "Dockerfile.dockerignore").read_text()
    assert STARTERS.keys() == there
    assert set(re.findall(r"^!models_store/(.+)$", ignore, flags=re.MULTILINE)) == {f"versions/{name}/v1" for name in STARTERS}
    readme = (ROOT / "models_store" / "README.md").read_text()
    rows = {name: ", then ".join(f"`atelier train {run}`" for run in runs) for name, runs in STARTERS.items()}
    assert [name for name, told in rows.items() if f"| `{name}` | {told} |" not in readme] == []


@pytest.mark.parametrize("name", STARTERS)
def test_the_command_of_a_starter_still_asks_for_what_trained_it(name: str) -> None:
    """A preset that changes must not change what a starter is said to be made by."""
    architecture, *words = shlex.split(STARTERS[name][-1])
    chosen = pairs("--set", [value for option, value in pairwise(words) if option == "--set"])
    asked = architectures[architecture].hyperparameters(words[words.index("--preset") + 1], **chosen).model_dump(mode="json")
    trained = json.loads((ROOT / "models_store" / "versions" / name / "v1" / "manifest.json").read_text())["hyperparameters"]
    earlier = {"steps", "text_steps"} if chosen.get("first_stage") == 2 else set()  # those of stages that are not trained again
    compared = trained.keys() - earlier
    assert {key: asked[key] for key in compared} == {key: trained[key] for key in compared}
