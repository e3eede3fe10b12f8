"""The walk of a newcomer, by clicking: train, watch, draw, save, read the log."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.browser.conftest import drawn

TRAINED = 120_000  # ms; a debug run takes seconds where nothing else runs


def test_train_watch_draw_and_save(page: Page, server: str, tmp_path: Path) -> None:
    page.goto(server)
    page.get_by_role("link", name="Train", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Train")
    page.get_by_role("radiogroup", name="Architecture").get_by_role("radio", name=re.compile("^DCGAN")).check()
    page.get_by_role("radiogroup", name="Data set").get_by_role("radio", name="emoji").check()
    page.get_by_role("radiogroup", name="Preset").get_by_role("radio", name="Debug").check()
    page.get_by_label("Model").fill("clicked")
    page.get_by_role("button", name="Start training").click()

    # Watched live: what appears from here on came by the event stream, nothing reloads the page.
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    run = page.url
    expect(page.get_by_text("Running", exact=True)).to_be_visible(timeout=TRAINED)
    expect(page.get_by_role("img", name=re.compile("^Samples after"))).to_be_visible(timeout=TRAINED)
    expect(page.get_by_role("img", name="Loss by step")).to_be_visible(timeout=TRAINED)
    expect(page.get_by_text("Succeeded", exact=True)).to_be_visible(timeout=TRAINED)
    assert page.url == run

    page.get_by_role("link", name="Draw from version 1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Inference")
    page.get_by_label("Seed", exact=True).fill("7")
    page.get_by_label("Images").fill("4")
    page.get_by_role("button", name="Draw", exact=True).click()
    drawn(page, 4)

    page.get_by_role("button", name="Open image 7", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("link", name="Save").click()
    download.value.save_as(tmp_path / "saved.png")
    assert (tmp_path / "saved.png").read_bytes().startswith(b"\x89PNG")
    page.keyboard.press("Escape")

    page.get_by_role("link", name="Logs", exact=True).click()
    page.get_by_role("navigation", name="Logs").get_by_role("link", name=re.compile("^clicked, dcgan")).click()
    log = page.get_by_role("region", name=re.compile("^Log dcgan-"))
    expect(log).to_contain_text("step")


def test_a_page_opened_at_its_address_stands(page: Page, server: str) -> None:
    titles = {"/train": "Train", "/runs": "Runs", "/inference": "Inference", "/logs": "Logs"}
    titles |= {
        "/runs?status=paused": "Runs",
        "/datasets": "Data sets",
        "/datasets?add=download": "Data sets",
        "/datasets/emoji": "OpenMoji",
    }
    for path, title in titles.items():
        page.goto(server + path)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
