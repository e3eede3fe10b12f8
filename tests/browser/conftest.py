"""A real Chromium: this machine's, else the one that npm has in a package. Without any, these tests fail."""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

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

expect.set_options(timeout=60_000)  # ms: the machine may have other work; what never comes fails all the same


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable, environment = _installed(), dict(os.environ)
    if executable is None:
        executable, libraries = _packaged()
        environment["LD_LIBRARY_PATH"] = libraries
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS.split(), env=environment)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new page; the test fails on whatever the page complains of in the console."""
    complaints: list[str] = []
    with browser.new_context(locale="en-US") as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        assert complaints == []


def _installed() -> str | None:
    named = [found for name in NAMES if (found := shutil.which(name))]
    return next(iter([*named, *(path for path in APPLICATIONS if Path(path).exists())]), None)


def _packaged() -> tuple[str, str]:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.fail("The browser tests need Chromium or Chrome; install one and run them again.")
    # Node of the virtual environment: the package wants a newer one than many machines have.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    folder = HERE / "node_modules" / ".unpacked"
    if not (HERE / "node_modules" / ".package-lock.json").exists():
        subprocess.run(["npm", "ci"], cwd=HERE, env=environment, check=True)
    folder.mkdir(exist_ok=True)
    command = subprocess.run(
        ["node", "unpack.mjs"], cwd=HERE, env=environment | {"TMPDIR": str(folder)}, check=True, capture_output=True, text=True
    )
    unpacked = json.loads(command.stdout)
    return unpacked["executable"], unpacked["libraries"]
