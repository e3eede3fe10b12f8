"""Takes the pictures of docs/screens: every page, light and dark, on a desktop and on a phone, from a server with real work in it.

A store of its own gets the starter versions; then a few runs, a style transfer, scores, directions and drawn images are made, as users make
them, over HTTP. That takes some minutes; with --server, the pages of a server that stands already are taken as they are.

    python docs/screens.py [--only home train …] [--server http://127.0.0.1:8000] [--out docs/screens]
"""

import argparse
import contextlib
import io
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import sklearn.datasets
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
BROWSER = runpy.run_path(str(ROOT / "tests" / "browser" / "conftest.py"))  # knows where Chromium is
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
THEMES = ("light", "dark")
PAINTED = "[...document.images].every((image) => image.complete || image.getBoundingClientRect().top > innerHeight)"
ENDED = ("succeeded", "failed", "cancelled")


class Studio:
    """A server's API, as far as work has to be in it before its pages are worth a look."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = httpx.Client(base_url=f"{address}/api/v1", timeout=300)

    def post(self, path: str, **request: Any) -> Any:
        return self.http.post(path, **request).raise_for_status().json()

    def ended(self, path: str, job: dict[str, Any]) -> dict[str, Any]:
        while job["status"] not in ENDED:
            time.sleep(1)
            job = self.http.get(f"{path}/{job['id']}").raise_for_status().json()
        print(f"{path[1:]}/{job['id']} {job['status']}: {job.get('error') or ''}", flush=True)
        return job

    def train(self, architecture: str, dataset: str, model: str, **hyperparameters: Any) -> dict[str, Any]:
        body = {"architecture": architecture, "dataset": dataset, "model": model, "preset": "quick", "hyperparameters": hyperparameters}
        return self.post("/training-runs", json=body)

    def fill(self) -> None:
        """Work of every kind, and at last a run that still goes on."""
        first = self.ended("/training-runs", self.train("vae", "shapes", "shapes-vae", steps=1500))
        again = self.train("vae", "shapes", "shapes-vae", steps=600, learning_rate=0.0003)
        cancelled = self.train("dcgan", "emoji", "emoji-dcgan")
        self.post(f"/training-runs/{cancelled['id']}/cancel")
        self.ended("/training-runs", again)
        print(first["model"], first["version"])
        picture = io.BytesIO()
        Image.fromarray(sklearn.datasets.load_sample_image("flower.jpg")).save(picture, "JPEG", quality=92)
        content = self.post("/pictures", files={"file": ("flower.jpg", picture.getvalue(), "image/jpeg")})["id"]
        for style in ("impasto", "woodcut"):
            body = {"content": content, "styles": [{"picture": style}], "hyperparameters": {"size": 256}}
            self.ended("/style-transfers", self.post("/style-transfers", json=body))
        for model in ("digits-dcgan", "digits-vae", "digits-controlgan"):
            body = {"model": model, "version": 1, "metrics": ["fid", "kid", "precision", "recall"], "num_samples": 500, "network": "lite0"}
            self.ended("/evaluations", self.post("/evaluations", json=body))
        self.ended("/discoveries", self.post("/discoveries", json={"model": "digits-dcgan", "version": 1, "methods": ["sefa"]}))
        for model, seed in (("digits-stylegan", 1), ("digits-cgan", 20), ("digits-dcgan", 40)):
            drawn = self.post(
                f"/models/{model}/versions/1/images", json={"count": 12, "seed": seed}, headers={"Accept": "application/json"}
            )
            self.http.patch(f"/images/{drawn['items'][0]['id']}", json={"favourite": True})
        running = self.train("dcgan", "digits", "digits-again")
        while (told := self.http.get(f"/training-runs/{running['id']}").json())["step"] < 150 and told["status"] not in ENDED:
            time.sleep(1)


def newest(items: list[dict[str, Any]], status: str | None = None) -> int:
    return int(next(item["id"] for item in items if status in (None, item["status"])))


def pages(studio: Studio) -> dict[str, str]:
    """What to look at: a name, and an address that shows the page at work."""
    runs = studio.http.get("/training-runs").json()["items"]
    transfers = studio.http.get("/style-transfers").json()["items"]
    log = studio.http.get("/logs").json()["items"][-1]["name"]
    draw = "/inference?model=digits-"
    return {
        "home": "/",
        "train": "/train",
        "runs": "/runs",
        "run": f"/runs/{newest(runs)}",
        "run-finished": f"/runs/{newest(runs, 'succeeded')}",
        "models": "/models",
        "model": "/models/digits-controlgan",
        "inference": f"{draw}controlgan&version=1&seed=7&count=16",
        "inference-walk": f"{draw}stylegan&version=1&mode=walk",
        "inference-mix": f"{draw}stylegan&version=1&mode=mix",
        "inference-compare": f"{draw}dcgan&version=1&mode=compare",
        "inference-history": f"{draw}dcgan&version=1&mode=history",
        "style": "/style",
        "transfer": f"/style/{newest(transfers, 'succeeded')}",
        "datasets": "/datasets",
        "dataset": "/datasets/emoji",
        "metrics": "/metrics",
        "metrics-compare": "/metrics/compare",
        "logs": f"/logs/{log}",
        "settings": "/settings",
        "missing": "/nowhere",
    }


def shoot(page: Page, address: str, out: Path) -> None:
    page.goto(address)
    page.wait_for_load_state("load")
    page.wait_for_timeout(1000)  # what comes by further requests: data, then pictures, charts, the event stream
    page.locator(".loading").first.wait_for(state="detached", timeout=60_000)
    for _ in range(120):
        page.wait_for_timeout(500)
        if page.evaluate(PAINTED):
            break
    page.wait_for_timeout(1000)
    picture = Image.open(io.BytesIO(page.screenshot()))
    picture.convert("RGB").save(out, quality=82, method=6)


def take(browser: Browser, studio: Studio, out: Path, only: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    shown = {name: path for name, path in pages(studio).items() if not only or name in only}
    for size, viewport in SIZES.items():
        for theme in THEMES:
            with browser.new_context(viewport=viewport, color_scheme=theme, locale="en-US", reduced_motion="reduce") as context:
                page = context.new_page()
                for name, path in shown.items():
                    shoot(page, studio.address + path, out / f"{name}-{size}-{theme}.webp")
    if not only:
        gallery(out, list(shown))


def gallery(out: Path, names: list[str]) -> None:
    lines = ["# Every page", "", "Made by `python docs/screens.py`.", ""]
    for name in names:
        lines += [f"## {name}", ""]
        lines += [f"![{name}, {size}, {theme}]({name}-{size}-{theme}.webp)" for size in SIZES for theme in THEMES]
        lines += [""]
    (out / "README.md").write_text("\n".join(lines))


@contextlib.contextmanager
def served() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        shutil.copytree(
            ROOT / "models_store" / "versions", store / "versions", ignore=lambda _, names: [n for n in names if n == "compiled"]
        )
        output = Path(folder) / "output.txt"
        with output.open("w") as stream:
            command = [sys.executable, "-m", "atelier", "serve", "--port", "0"]
            environment = {**os.environ, "ATELIER_STORE_DIR": str(store)}
            server = subprocess.Popen(command, cwd=folder, env=environment, stdout=stream, stderr=subprocess.STDOUT)
        try:
            while not (found := re.search(r"Atelier is at (http://\S+)", output.read_text())):
                if server.poll() is not None:
                    raise SystemExit(output.read_text())
                time.sleep(0.2)
            studio = Studio(found[1])
            studio.fill()
            yield found[1]
            for run in studio.http.get("/training-runs").json()["items"]:
                if run["status"] not in ENDED:
                    studio.ended("/training-runs", studio.post(f"/training-runs/{run['id']}/cancel"))
        finally:
            server.terminate()
            server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="names of pages")
    parser.add_argument("--server", help="address of a server whose pages are taken as they are")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "screens")
    options = parser.parse_args()
    stands: Callable[[], contextlib.AbstractContextManager[str]] = (
        (lambda: contextlib.nullcontext(options.server)) if options.server else served
    )
    with stands() as address, sync_playwright() as playwright:
        path, environment = BROWSER["executable"]()
        with playwright.chromium.launch(executable_path=path, args=BROWSER["FLAGS"].split(), env=environment) as browser:
            take(browser, Studio(address), options.out, options.only)


if __name__ == "__main__":
    main()
