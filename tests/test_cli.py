"""The command line, as a user meets it: what it does, what it says, how it exits."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.conftest import photograph

from atelier.cli import drawing, main, training
from atelier.serving.images import encode

TINY = ("--dataset", "shapes", "--data", "count=64", "--preset", "debug", "--set", "batch_size=8")
Atelier = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "store"


@pytest.fixture
def atelier(store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Atelier:
    """Runs the command within this process; returns its output and what it said beside it."""

    def run(*arguments: str, code: int = 0) -> tuple[str, str]:
        monkeypatch.chdir(store.parent)
        monkeypatch.setenv("ATELIER_STORE_DIR", str(store))
        monkeypatch.setattr(sys, "argv", ["atelier", *arguments])
        with pytest.raises(SystemExit) as exit:
            main()
        said = capsys.readouterr()
        assert (exit.value.code or 0) == code, said.err
        return said.out, said.err

    return run


@pytest.fixture(scope="module")
def trained(store: Path) -> str:
    """A version, by a process of its own."""
    command = ["train", "dcgan", *TINY, "--set", "steps=3", "--model", "first", "--seed", "5"]
    done = subprocess.run(
        [sys.executable, "-m", "atelier", *command], env=os.environ | {"ATELIER_STORE_DIR": str(store)}, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def test_train_without_a_server_publishes_a_version(atelier: Atelier, trained: str) -> None:
    assert trained == "first@1"
    run = json.loads(atelier("runs", "show", "1")[0])
    assert (run["status"], run["step"], run["seed"], run["version"]) == ("succeeded", 3, 5, 1)
    assert run["hyperparameters"]["batch_size"] == 8
    assert run["dataset_options"]["count"] == 64
    assert [run["id"] for run in json.loads(atelier("runs", "list", "--json")[0])] == [1]
    assert "succeeded" in atelier("runs", "list")[0]


def test_the_same_seed_draws_the_same_picture_in_a_grid_or_alone(atelier: Atelier, trained: str, tmp_path: Path) -> None:
    atelier("generate", trained, "--count", "4", "--seed", "1", "--out", str(tmp_path / "grid.png"))
    out, _ = atelier("generate", "first", "--count", "2", "--seed", "3", "--out", str(tmp_path / "alone"))
    third, fourth = (Image.open(path) for path in out.split())
    grid = Image.open(tmp_path / "grid.png")
    assert grid.crop((0, grid.height - third.height, third.width, grid.height)).tobytes() == third.tobytes()
    assert third.tobytes() != fourth.tobytes()


def test_what_is_asked_for_is_drawn(atelier: Atelier, tmp_path: Path) -> None:
    assert atelier("train", "cgan", *TINY, "--set", "steps=3", "--model", "asked")[0] == "asked@1\n"

    file = tmp_path / "asked.png"
    out, _ = atelier("generate", "asked", "--seed", "1", "--class", "star=0.9", "--class", "heart=.1", "--out", str(file), "--json")
    [parameters] = json.loads(out)["items"]
    assert parameters == {"model": "asked", "version": 1, "seed": 1, "class_weights": {"star": 0.9, "heart": 0.1}}
    assert json.loads(Image.open(file).text["parameters"]) == parameters  # type: ignore[attr-defined]
    for wishes, complaint in [
        (("--class", "stare"), "Error in class_weights.stare: there is no class 'stare'; there are circle, square"),
        (("--class", "star=1", "--class", "heart"), "'heart' is not NAME=NUMBER"),
        (("--class", "star=5"), "Error in class_weights.star: Input should be less than or equal to 3"),
        (("--attribute", "red=1"), "Error in attributes: asked@1 takes class_index, class_weights"),
        (("--attribute", "red"), "'red' is not NAME=NUMBER"),
        (("--truncation-psi", "0.5", "--truncation-cutoff", "2", "--noise-mode", "none"), "Error in noise_mode: asked@1 takes class"),
    ]:
        assert complaint in atelier("generate", "asked", *wishes, code=2)[1]


@pytest.mark.parametrize(
    ("said", "weights"),
    [
        (None, None),
        (["star"], {"star": 1.0}),
        (["star", "heart"], {"star": 0.5, "heart": 0.5}),
        (["star=0.9", "a=b=-.1"], {"star": 0.9, "a=b": -0.1}),
        (["a=b"], {"a=b": 1.0}),
    ],
)
def test_classes_are_named_with_weights_or_in_equal_parts(said: list[str] | None, weights: dict[str, float] | None) -> None:
    assert drawing._classes(said) == weights


def test_what_is_discovered_can_be_dialled(atelier: Atelier, trained: str, tmp_path: Path) -> None:
    draw = ("generate", trained, "--seed", "1", "--json")
    assert "run a discovery first" in atelier(*draw, "--dial", "red=0.9", code=2)[1]
    found, _ = atelier("discover", "first")
    assert re.search(r"^ black background +\d+\.\d% *$", found, flags=re.MULTILINE)
    assert json.loads(atelier("discover", trained, "--json")[0])["log"] is None, "the second time it is there at once"
    paths = [tmp_path / "plain.png", tmp_path / "turned.png"]
    atelier(*draw, "--out", str(paths[0]))
    turned = json.loads(atelier(*draw, "--dial", "black background=0.95", "--out", str(paths[1]))[0])["items"][0]
    assert turned["dial"] == {"black background": 0.95}
    assert Image.open(paths[0]).tobytes() != Image.open(paths[1]).tobytes()
    assert "there is no dial 'blakc'; there are circle" in atelier(*draw, "--dial", "blakc=1", code=2)[1]


def test_walks_lead_from_seed_to_seed_and_along_what_was_discovered(atelier: Atelier, trained: str, tmp_path: Path) -> None:
    film, folder = tmp_path / "walk.gif", tmp_path / "frames"
    out, _ = atelier("interpolate", trained, "--seed", "1", "--seed", "2", "--frames", "5", "--loop", "--out", str(film))
    assert out.strip() == str(film)
    with Image.open(film) as picture:
        assert (picture.format, picture.n_frames) == ("GIF", 10)  # type: ignore[attr-defined]

    atelier("discover", trained, "--method", "sefa")
    (tmp_path / "z.json").write_text(json.dumps([0.25] * 100))
    draw = ("generate", trained, "--latent", str(tmp_path / "z.json"), "--direction", "sefa-1=1.5", "--json")
    [told] = json.loads(atelier(*draw, "--out", str(tmp_path / "moved.png"))[0])["items"]
    assert (told["seed"], told["latent"], told["directions"]) == (0, [0.25] * 100, {"sefa-1": 1.5})
    ends = [json.dumps({"latent": [0.25] * 100, "directions": {"sefa-1": amount}}) for amount in (0, 3)]
    atelier("interpolate", trained, "--waypoint", ends[0], "--waypoint", ends[1], "--frames", "2", "--out", str(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["0000.png", "0001.png", "0002.png"]
    assert Image.open(folder / "0001.png").tobytes() == Image.open(tmp_path / "moved.png").tobytes()


def test_styles_are_mixed_where_there_are_some(atelier: Atelier, store: Path, trained: str, tmp_path: Path) -> None:
    seeds = ("--row", "1", "--row", "2", "--column", "3")
    assert "first@1 has no styles" in atelier("mix", trained, *seeds, "--out", str(tmp_path / "none.png"), code=2)[1]
    starter = Path(__file__).parents[1] / "models_store" / "versions" / "digits-stylegan"
    shutil.copytree(starter, store / "versions" / "digits-stylegan")
    out, _ = atelier("mix", "digits-stylegan", *seeds, "--layer", "fine", "--layer", "3", "--out", str(tmp_path / "mixed.webp"), "--json")
    told = json.loads(out)
    assert told["parameters"]["layers"] == [3, 5, 6, 7]
    with Image.open(told["file"]) as picture:
        assert picture.size == (2 * 34 - 2 + 4, 3 * 34 - 2 + 4)


def test_a_picture_is_projected(atelier: Atelier, trained: str, tmp_path: Path) -> None:
    photograph(1).save(tmp_path / "some.jpg")
    given, out, latent = str(tmp_path / "some.jpg"), str(tmp_path / "out.png"), tmp_path / "latent.safetensors"
    printed, said = atelier("project", trained, given, "--out", out, "--latent", str(latent), "--steps", "2", "--json")
    job = json.loads(printed)
    assert (job["status"], job["step"], job["projection"]["version"]) == ("succeeded", 2, 1)
    assert f"{job['projection']['psnr']:.1f} dB, latent {job['id']}" in " ".join(said.split())
    with Image.open(out) as drawn:
        assert drawn.size == (16, 16)
        assert json.loads(drawn.text["parameters"])["latent"] == job["id"]  # type: ignore[attr-defined]
    assert latent.stat().st_size > 400
    assert "Error in class_weights: first@1" in atelier("project", trained, given, "--out", out, "--class", "star", code=2)[1]
    assert "the file is not there" in atelier("project", trained, str(tmp_path / "none.jpg"), "--out", out, code=2)[1]
    assert "end its name in .png" in atelier("project", trained, given, "--out", "out.txt", code=2)[1]


def test_an_interrupted_training_is_cancelled(atelier: Atelier, store: Path) -> None:
    command = ["train", "dcgan", *TINY, "--set", "steps=1000000", "--model", "endless", "--json"]
    environment = os.environ | {"ATELIER_STORE_DIR": str(store)}
    process = subprocess.Popen([sys.executable, "-m", "atelier", *command], env=environment, stdout=subprocess.PIPE, text=True)
    while not (found := json.loads(atelier("runs", "list", "--status", "running", "--json")[0])):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["status"] == "cancelled"
    _, err = atelier("runs", "cancel", str(found[0]["id"]))
    assert "is cancelled" in err


def test_a_run_is_retried_moved_paused_and_resumed(atelier: Atelier, trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SERVER_SECONDS", 0.1)
    again = json.loads(atelier("runs", "retry", "1", "--queue", "--json")[0])
    assert (again["status"], again["retry_of"]) == ("queued", 1)
    run = str(again["id"])
    assert "number 1 in the queue" in atelier("runs", "move", run, "--priority", "5")[1]
    assert f"Run {run} is paused" in atelier("runs", "pause", run)[1]
    assert "only jobs that wait in the queue" in atelier("runs", "move", run, "--priority", "5", code=2)[1].lower()
    out, _ = atelier("runs", "resume", run)  # here, as there is no server
    assert out.startswith("first@")
    assert json.loads(atelier("runs", "show", run)[0])["status"] == "succeeded"


def test_a_finished_run_is_continued(atelier: Atelier, trained: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "SERVER_SECONDS", 0.1)
    further = json.loads(atelier("runs", "continue", "1", "--steps", "2", "--json")[0])
    assert (further["status"], further["step"], further["total_steps"], further["continues"]) == ("succeeded", 5, 5, 1)


def test_data_sets_are_listed_with_their_licences(atelier: Atelier) -> None:
    listed = {row["name"]: row for row in json.loads(atelier("datasets", "list", "--json")[0])}
    assert set(listed) >= {"emoji", "digits", "shapes"}
    assert "CC-BY-SA" in listed["emoji"]["licence"]


def test_pictures_are_added_shown_and_removed(atelier: Atelier, tmp_path: Path, put: Any, pack: Any, photographs: Any, bad: Any) -> None:
    files = {f"cats/{name}": content for name, content in photographs(6).items()}
    files |= {f"dogs/{index:02}-{name}": content for index in range(3) for name, content in bad.items()}
    files["dogs/a.jpg"] = files["cats/00002.jpg"]
    folder, archive = put(tmp_path / "My Pets", files), pack(tmp_path / "pets.zip", files)
    assert atelier("datasets", "add", str(folder), "--resolution", "16")[0] == "my-pets\n"
    assert atelier("datasets", "add", str(archive), "--name", "zipped", "--resolution", "16", "--no-mirror")[0] == "zipped\n"
    assert archive.exists()
    assert len(list(folder.rglob("*.*"))) == len(files)
    listed = {row["name"]: row for row in json.loads(atelier("datasets", "list", "--json")[0])}
    assert listed["my-pets"] == {"name": "my-pets", "images": 7, "classes": 2, "licence": "not stated"}

    shown, _ = atelier("datasets", "show", "zipped")
    assert "mirrorable: False\n" in shown
    assert 'classes: ["cats", "dogs"]' in shown
    assert "skipped dogs/00-bomb.png: it has more than" in shown
    assert "… and 10 more" in shown
    assert atelier("datasets", "show", "zipped", "--skipped")[0].count("\nskipped dogs/") == 30
    facts = json.loads(atelier("datasets", "show", "my-pets", "--json")[0])
    assert (facts["num_skipped"], len(facts["skipped"]), facts["duplicates"]["examples"]) == (30, 30, [["cats/00002.jpg", "dogs/a.jpg"]])
    assert '"emoji"' in atelier("datasets", "show", "emoji", "--json")[0]

    for name in ("my-pets", "zipped"):
        assert f"{name} is removed" in atelier("datasets", "remove", name)[1]
    assert "my-pets" not in atelier("datasets", "list")[0]
    assert folder.exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("train", "nope", *TINY, "--model", "m"), "Error in architecture: There is no architecture 'nope'"),
        (("train", "dcgan", *TINY, "--set", "steps=abc", "--model", "m"), "Error in hyperparameters.steps:"),
        (("train", "dcgan", *TINY, "--model", "Not A Name"), "Error in model:"),
        (("train", "dcgan", *TINY, "--set", "steps", "--model", "m"), "'steps' is not KEY=VALUE"),
        (("generate", "unheard-of"), "There is no version unheard-of"),
        (("generate", "first", "--latent", "nowhere.json"), "nowhere.json is neither a"),
        (("interpolate", "first", "--seed", "1", "--seed", "2", "--out", "walk.avi"), "walk.avi: end its name in .gif"),
        (("interpolate", "first", "--seed", "1", "--out", "walk.gif"), "Error in waypoints: List should have at least 2 items"),
        (("interpolate", "first", "--waypoint", "cat", "--out", "walk.gif"), "'cat' is no JSON"),
        (("mix", "first", "--row", "1", "--column", "2", "--out", "mixed.gif"), "mixed.gif: end its name in .png"),
        (("discover", "unheard-of"), "There is no version unheard-of@latest"),
        (("discover", "first@x"), "There is no version first@x"),
        (("discover", "first@X"), "Error in version"),
        (("models", "show", "first@best"), "There is no version first@best"),
        (("models", "alias", "first@1", "v2"), "'v2' is no alias: it reads like a version number"),
        (("models", "restore", "first@1"), "Nothing of first@1 lies in the bin"),
        (("datasets", "add", "nowhere.zip", "--name", "x"), "'nowhere.zip' is no file, no folder, and not one of the downloads cifar10"),
        (("datasets", "add", ".", "--name", "emoji"), "emoji is the name of a built-in data set"),
        (("datasets", "show", "nothing"), "'nothing' is not one of digits"),
        (("datasets", "remove", "emoji"), "emoji is built in"),
        (("runs", "show", "999"), "There is no training run 999"),
        (("runs", "pause", "1"), "Job 1 has succeeded; it cannot be paused. It can be continued or retried."),
        (("runs", "list", "--status", "asleep"), "'asleep' is not one of queued"),
        (("serve", "--port", "70000"), "Error in ATELIER_PORT:"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(atelier: Atelier, trained: str, arguments: tuple[str, ...], complaint: str) -> None:
    out, err = atelier(*arguments, code=2)
    assert complaint in err
    assert out == ""


def test_versions_are_noted_named_deleted_and_restored(atelier: Atelier, trained: str) -> None:
    assert atelier("models", "alias", "first@1", "production")[0] == "first@1\n"
    atelier("models", "note", "first@production", "The first of all")
    shown = json.loads(atelier("models", "show", "first@production")[0])
    assert (shown["version"], shown["aliases"], shown["note"]) == ("first@1", ["production"], "The first of all")
    assert [row["version"] for row in json.loads(atelier("models", "list", "first", "OF", "--json")[0])] == ["first@1"]
    assert atelier("models", "list", "nothing")[0] == ""

    out, said = atelier("models", "delete", "first@1")
    assert (out, "atelier models restore first@1 brings it back" in said) == ("first@1\n", True)
    assert "There is no version first@1" in atelier("models", "show", "first@1", code=2)[1]
    assert "first@1" in atelier("models", "list", "--deleted")[0]
    assert atelier("models", "restore", "first")[0] == "first@1\n"
    assert json.loads(atelier("models", "show", "first@production")[0]) == shown
    atelier("models", "alias", "first", "production", "--take")
    assert json.loads(atelier("models", "show", "first@1")[0])["aliases"] == []


def test_what_was_exported_is_imported_again(atelier: Atelier, trained: str, tmp_path: Path) -> None:
    weights = tmp_path / "weights.safetensors"
    atelier("models", "export", "first@1", "--format", "safetensors", "--out", str(weights))
    hp = json.loads(atelier("models", "show", "first@1")[0])["manifest"]["hyperparameters"]
    told = [f"{name}={json.dumps(value)}" for name, value in hp.items() if value is not None]
    chosen = [part for pair in told for part in ("--set", pair)]
    brought, _ = atelier("models", "import", str(weights), "--model", "brought", "--architecture", "dcgan", *chosen)
    assert brought == "brought@1\n"
    assert "send either the version's manifest" in atelier("models", "import", str(weights), "--model", "brought", code=2)[1]
    assert "There is no file" in atelier("models", "import", str(tmp_path / "none"), "--model", "brought", code=2)[1]


def test_an_emptied_bin_gives_nothing_back(atelier: Atelier, trained: str, store: Path) -> None:
    shutil.copytree(store / "versions" / "first" / "v1", store / "versions" / "doomed" / "v1")
    manifest = store / "versions" / "doomed" / "v1" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"starter": True}))
    atelier("models", "delete", "doomed")
    assert atelier("models", "empty-bin")[0] == "doomed@1\n"
    assert not manifest.parent.exists()
    assert "doomed" not in atelier("models", "list")[0]


def test_a_picture_is_stylised_and_written_where_it_is_wanted(atelier: Atelier, tmp_path: Path) -> None:
    for seed in range(2):
        photograph(seed).save(tmp_path / f"{seed}.jpg")
    content, style, out = (str(tmp_path / name) for name in ("0.jpg", "1.jpg", "out.png"))
    tiny = ("--set", "size=64", "--set", "smallest=64", "--set", "steps=2")
    printed, said = atelier("stylize", content, style, "impasto", "--weight", "1", "--weight", "0.5", "--out", out, *tiny, "--json")
    job = json.loads(printed)
    assert (job["status"], [one["weight"] for one in job["style_transfer"]["styles"]]) == ("succeeded", [1.0, 0.5])
    assert out in said.replace("\n", "")
    with Image.open(out) as picture:
        assert picture.size == (64, 53)
        assert json.loads(picture.text["parameters"])["network"] == "lite0"  # type: ignore[attr-defined]

    _, said = atelier("stylize", content, "no-such.jpg", "--out", out, code=2)
    assert "no-such.jpg: the file is not there" in said
    _, said = atelier("stylize", content, style, "--out", str(tmp_path / "out.txt"), code=2)
    assert "end its name in .png" in said
    _, said = atelier("stylize", content, style, "--weight", "1", "--weight", "2", "--out", out, code=2)
    assert "there are 2 for 1 styles" in said


def test_feature_networks_are_listed_and_taken_only_when_they_are_what_they_say(atelier: Atelier, tmp_path: Path) -> None:
    printed, _ = atelier("features", "list", "--json")
    assert [row["network"] for row in json.loads(printed)] == ["lite0", "vgg19", "inception", "vgg16", "adain"]
    (tmp_path / "vgg19-dcbb9e9d.pth").write_bytes(b"not weights")
    _, said = atelier("features", "add", str(tmp_path / "vgg19-dcbb9e9d.pth"), code=2)
    assert "vgg19-dcbb9e9d.pth is damaged or another file" in said.replace("\n", " ")
    _, said = atelier("features", "fetch", "vgg99", code=2)
    assert "can't be fetched" in said


def test_the_history_is_listed_shown_and_pruned(atelier: Atelier, store: Path) -> None:
    images = store / "images" / "ab"
    images.mkdir(parents=True, exist_ok=True)
    for index, prompt in enumerate(("a red star", "a blue star", "a red heart")):
        path = images / f"ab{index:030}.png"
        path.write_bytes(encode(Image.new("RGB", (16, 16)), {"model": "gone", "version": 1, "seed": index, "prompt": prompt}))
        os.utime(path, (time.time() - 3600 + index,) * 2)
    assert atelier("images", "prune")[1].strip() == "0 images are deleted."  # but found, and given rows
    red = json.loads(atelier("images", "list", "red", "--model", "gone", "--json")[0])
    assert [image["seed"] for image in red] == [2, 0]
    assert Path(red[0]["file"]).is_file()
    assert "a blue star" in atelier("images", "list")[0]
    recipe = {"model": "gone", "version": 1, "seed": 2, "prompt": "a red heart"}
    assert json.loads(atelier("images", "show", red[0]["id"])[0]) == red[0]["parameters"] == recipe
    assert json.loads(atelier("images", "show", red[0]["file"])[0]) == recipe
    assert atelier("images", "prune", "--keep", "1")[1].strip() == "2 images are deleted."
    assert [path.name for path in images.iterdir()] == [Path(red[0]["file"]).name]
    assert "There is no image" in atelier("images", "show", "0" * 32, code=2)[1]
    photograph(3).save(store / "photo.png")
    assert "nothing in" in atelier("images", "show", str(store / "photo.png"), code=2)[1]
