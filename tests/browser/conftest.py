"""A real Chromium: this machine's, else the one that npm has in a package. Without any, these tests fail."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

HERE = Path(__file__).parent
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# Besides the sandbox, which containers do not allow: whatever speaks to the world outside.
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --no-first-run"

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

expect.set_options(timeout=60_000)  # ms: the machine may have other work; what never comes fails all the same


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path, environment = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS.split(), env=environment)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new page; the test fails on whatever the page says in the console, and on every request to another host."""
    complaints: list[str] = []
    hosts: set[str] = set()
    with browser.new_context(locale="en-US") as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        assert complaints == []
        assert len(hosts - {""}) <= 1, hosts  # "": a picture that the page made itself


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core."""
    _fetch_packages()
    return (HERE / "node_modules" / "axe-core" / "axe.min.js").read_text()


def barriers(page: Page, axe: str) -> list[str]:
    """What keeps somebody from using the page as it stands, by the rules of WCAG 2.2 up to AA: each rule with what breaks it."""
    page.evaluate(axe)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", tags)
    return [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]


def expect_no_barriers(page: Page, axe: str) -> None:
    """In either theme; without motion, so that no colour is measured on its way to another."""
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert barriers(page, axe) == [], theme


def long_run(server: str, model: str) -> dict[str, Any]:
    """A training run that goes on until it is cancelled."""
    body = {
        "architecture": "dcgan",
        "dataset": "shapes",
        "dataset_options": {"count": 64},
        "preset": "debug",
        "hyperparameters": {"steps": 100_000},
        "model": model,
    }
    run: dict[str, Any] = httpx.post(f"{server}/api/v1/training-runs", json=body, timeout=60).raise_for_status().json()
    return run


def trained(server: str, model: str, **run: object) -> None:
    """Train a version of five steps on a few shapes, over HTTP."""
    body = {
        "dataset": "shapes",
        "dataset_options": {"count": 64},
        "preset": "debug",
        "hyperparameters": {"steps": 5},
        "model": model,
        **run,
    }
    job = httpx.post(f"{server}/api/v1/training-runs", json=body).raise_for_status().json()
    deadline = time.monotonic() + 120
    while job["status"] not in ("succeeded", "failed"):
        assert time.monotonic() < deadline, job
        time.sleep(0.2)
        job = httpx.get(f"{server}/api/v1/training-runs/{job['id']}").json()
    assert job["status"] == "succeeded", job["error"]


def drawn(page: Page, count: int) -> list[str]:
    """Where the images that the page shows come from, when all of them are there.

    By properties of the elements: the page's security policy forbids what wait_for_function does when it has to wait.
    """
    images = page.get_by_role("img", name=re.compile("^Image from seed"))
    expect(images).to_have_count(count)
    for image in images.all():
        image.scroll_into_view_if_needed()
        expect(image).not_to_have_js_property("naturalWidth", 0)
    return [image.get_attribute("src") or "" for image in images.all()]


def executable() -> tuple[str, dict[str, str]]:
    """Where Chromium is, and the environment in which it runs."""
    path, environment = _installed(), dict(os.environ)
    if path is None:
        path, libraries = _packaged()
        environment["LD_LIBRARY_PATH"] = libraries
    return path, environment


def _installed() -> str | None:
    named = [found for name in NAMES if (found := shutil.which(name))]
    return next(iter([*named, *(path for path in APPLICATIONS if Path(path).exists())]), None)


def _packaged() -> tuple[str, str]:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.fail("The browser tests need Chromium or Chrome; install one and run them again.")
    environment = _fetch_packages()
    folder = HERE / "node_modules" / ".unpacked"
    folder.mkdir(exist_ok=True)
    command = subprocess.run(
        ["node", "unpack.mjs"], cwd=HERE, env=environment | {"TMPDIR": str(folder)}, check=True, capture_output=True, text=True
    )
    unpacked = json.loads(command.stdout)
    return unpacked["executable"], unpacked["libraries"]


def _fetch_packages() -> dict[str, str]:
    """Have npm's packages here, in the versions that are locked, and return the environment in which they run."""
    # Node of the virtual environment: the Chromium package wants a newer one than many machines have.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    if _versions(HERE / "node_modules" / ".package-lock.json") != _versions(HERE / "package-lock.json"):
        subprocess.run(["npm", "ci"], cwd=HERE, env=environment, check=True)
    return environment


def _versions(lock: Path) -> dict[str, str]:
    """Of all packages that a lock names; none where there is no such file."""
    packages = json.loads(lock.read_text())["packages"] if lock.exists() else {}
    return {name: package["version"] for name, package in packages.items() if name}  # the root has no name
