"""An architecture that somebody else has written appears, trains and draws in the page, which has never heard of it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import barriers, drawn
from tests.conftest import serving

README = Path(__file__).parents[2] / "README.md"
TRAINED = 120_000  # ms


@pytest.fixture
def server_with_toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that finds a package with the README's architecture, as pip would have installed it."""
    packages = tmp_path / "packages"
    about = packages / "toy-1.0.dist-info"
    about.mkdir(parents=True)
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), flags=re.DOTALL | re.MULTILINE)
    (packages / "lsgan.py").write_text(next(text for text in blocks if "@architecture" in text))
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[atelier.architectures]\nlsgan = lsgan\n")
    monkeypatch.setenv("PYTHONPATH", f"{packages}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with serving(tmp_path) as (address, _):
        yield address


def test_an_architecture_of_somebody_else_trains_and_draws(page: Page, server_with_toy: str, axe: str) -> None:
    page.goto(f"{server_with_toy}/train?dataset=shapes&data.count=64")  # few pictures, soon prepared
    page.get_by_role("radiogroup", name="Architecture").get_by_role("radio", name=re.compile("LSGAN")).check()
    page.get_by_role("radiogroup", name="Preset").get_by_role("radio", name="Debug").check()
    page.get_by_text("Hyper-parameters").first.click()
    page.get_by_label("Width").fill("48")
    differing = page.get_by_role("region", name="Differs from debug")
    expect(differing).to_contain_text("Width")
    expect(differing).to_contain_text("32 → 48")
    assert barriers(page, axe) == []
    page.get_by_label("Model").fill("toy")
    page.get_by_role("button", name="Start training").click()

    expect(page.get_by_text("Succeeded", exact=True)).to_be_visible(timeout=TRAINED)
    page.get_by_role("slider", name="Smoothing").press("End")
    expect(page).to_have_url(re.compile("smooth=0.99"))
    page.get_by_role("button", name="Zoom in").click()
    expect(page).to_have_url(re.compile(r"from=\d+&to=\d+"))
    page.reload()  # what was chosen stands in the address
    expect(page.get_by_role("button", name=re.compile("show all$"))).to_be_visible()
    assert barriers(page, axe) == []

    page.get_by_role("link", name="Draw from version 1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Inference")
    page.get_by_label("Images", exact=True).fill("4")
    page.get_by_role("button", name="Draw", exact=True).click()
    drawn(page, 4)
