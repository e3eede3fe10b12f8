"""A newcomer's path, from an empty installation to the last of the first steps, by the page alone."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import drawn, expect_no_barriers
from tests.conftest import serving

DONE = 180_000  # ms; each job takes seconds where nothing else runs
VALUE = re.compile(r"^−?[\d.,]+( ± [\d.,]+)?")

pytestmark = pytest.mark.timeout(900)  # s: six jobs, one after the other


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[str]:
    """The address of a server where nobody has done anything yet."""
    with serving(tmp_path) as (address, _):
        yield address


def test_from_an_empty_installation_to_the_last_of_the_first_steps(page: Page, empty: str, axe: str, tmp_path: Path) -> None:
    page.goto(empty)
    page.evaluate("window.stayed = true")  # from here on, nothing reloads the page: what changes came by the event stream
    steps = page.get_by_role("region", name="First steps")
    expect(steps).to_contain_text("0 of 5 done")
    expect_no_barriers(page, axe)
    train(page, steps)
    draw(page, tmp_path)
    train_another(page)

    go(page, "Home")
    expect(steps).to_contain_text("2 of 5 done")
    newest = page.get_by_role("region", name="Newest versions").get_by_role("link")
    expect(newest.filter(has_text="second v1")).to_have_count(1)
    steer(page, steps)
    compare(page)
    expect_no_barriers(page, axe)
    stylise(page)
    read_the_log(page)

    go(page, "Home")
    expect(steps).to_contain_text("4 of 5 done")
    score(page, steps)
    pass_on(page, axe, tmp_path / "second.zip")

    go(page, "Home")
    expect(newest.filter(has_text=re.compile("brought v1|first v1"))).to_have_count(2)
    expect(steps).to_have_count(0)
    expect_no_barriers(page, axe)
    assert page.evaluate("window.stayed")


def train(page: Page, steps: Locator) -> None:
    steps.get_by_role("link", name="Train your first model").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Train")
    expect(page.get_by_role("radiogroup", name="Preset").get_by_role("radio", name="Debug")).to_be_checked()
    expect(page.get_by_label("Model", exact=True)).to_have_value("first")
    few(page)
    page.get_by_role("button", name="Start training").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    expect(page.get_by_text("Running", exact=True)).to_be_visible(timeout=DONE)
    expect(page.get_by_role("img", name=re.compile("^Samples after"))).to_be_visible(timeout=DONE)
    expect(page.get_by_role("img", name="Loss by step")).to_be_visible(timeout=DONE)
    expect(page.get_by_role("region", name=re.compile("^Log dcgan-"))).to_contain_text("step")
    expect(page.get_by_role("progressbar", name=re.compile("^Progress of")).first).to_be_visible()
    expect(page.get_by_text("Succeeded", exact=True)).to_be_visible(timeout=DONE)


def few(page: Page) -> None:
    """Few pictures are soon looked through, by the metrics too."""
    page.get_by_text("Options of Shapes").click()
    page.get_by_label("Count").fill("64")


def draw(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="Draw from version 1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Inference")
    page.get_by_label("Seed", exact=True).fill("7")
    page.get_by_label("Images", exact=True).fill("4")
    page.get_by_role("button", name="Draw", exact=True).click()
    drawn(page, 4)
    page.get_by_role("button", name="Open image 7", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("link", name="Save").click()
    download.value.save_as(folder / "saved.png")
    assert (folder / "saved.png").read_bytes().startswith(b"\x89PNG")
    page.keyboard.press("Escape")


def train_another(page: Page) -> None:
    """One that can be asked for a class."""
    go(page, "Train")
    page.get_by_role("radiogroup", name="Architecture").get_by_role("radio", name="Conditional GAN").check()
    page.get_by_role("radiogroup", name="Data set").get_by_role("radio", name="shapes").check()
    page.get_by_role("radiogroup", name="Preset").get_by_role("radio", name="Debug").check()
    few(page)
    page.get_by_label("Model", exact=True).fill("second")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("Succeeded", exact=True)).to_be_visible(timeout=DONE)


def steer(page: Page, steps: Locator) -> None:
    steps.get_by_role("link", name="Steer what it draws").click()
    page.get_by_label("Images", exact=True).fill("1")
    page.get_by_role("button", name="Draw", exact=True).click()
    (plain,) = drawn(page, 1)
    page.get_by_role("group", name="Classes").get_by_role("radio", name="star").check()
    expect(page.get_by_role("img", name=re.compile("^Image from seed"))).not_to_have_attribute("src", plain)


def compare(page: Page) -> None:
    page.get_by_role("navigation", name="Modes").get_by_role("link", name="Compare").click()
    expect(page.get_by_label("B Model")).to_have_value("first")
    expect(page.get_by_text("1 image of each drawn")).to_be_visible()
    sides = [page.get_by_role("img", name=re.compile(f"^{side} ")) for side in "AB"]
    for side in sides:
        expect(side).not_to_have_js_property("naturalWidth", 0)
    assert sides[0].get_attribute("src") != sides[1].get_attribute("src")
    page.get_by_role("navigation", name="Modes").get_by_role("link", name="Draw").click()
    drawn(page, 1)


def stylise(page: Page) -> None:
    page.get_by_role("img", name=re.compile("^Image from seed")).click()
    page.get_by_role("link", name="Use it as content of a style transfer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Style transfer")
    page.get_by_role("checkbox", name="Mosaic").check()
    page.get_by_role("slider", name="Size").press("Home")
    page.get_by_text(re.compile("^Steps and statistics")).click()
    page.get_by_label("Smallest", exact=True).fill("64")
    page.get_by_label("Steps", exact=True).fill("50")
    page.get_by_role("button", name="Draw it").click()
    expect(page.locator(".page-head .status")).to_have_text("Succeeded", timeout=DONE)
    expect(page.get_by_role("img", name="Picture after 50 steps")).not_to_have_js_property("naturalWidth", 0)


def read_the_log(page: Page) -> None:
    go(page, "Logs")
    page.get_by_role("navigation", name="Logs").get_by_role("link", name=re.compile("^first, dcgan")).last.click()
    expect(page.get_by_role("region", name=re.compile("^Log dcgan-"))).to_contain_text("step")


def score(page: Page, steps: Locator) -> None:
    steps.get_by_role("link", name="Score a version").click()
    page.get_by_role("button", name="Measure a version").or_(page.get_by_role("link", name="Measure a version")).first.click()
    form = page.get_by_role("region", name="Measure a version")
    form.get_by_label("Images to draw").fill("50")
    form.get_by_label("Seen by").select_option("lite0")
    form.get_by_role("button", name="Measure").click()
    row = page.get_by_role("table").get_by_role("row", name=re.compile("second v1"))
    expect(row.get_by_role("button").first).to_have_text(VALUE, timeout=DONE)


def pass_on(page: Page, axe: str, file: Path) -> None:
    """Download a version, delete it, take that back, delete it for good, and bring it from the file as somebody else would."""
    go(page, "Models")
    second = page.get_by_role("region", name="Models").get_by_role("link").filter(has_text="second")
    second.click()
    page.get_by_role("row", name=re.compile("v1")).get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("second@1")
    with page.expect_download() as download:
        page.get_by_role("link", name="All files (zip)").click()
    download.value.save_as(file)
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Models")  # it was the only version of its model
    expect(second).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    second.click()
    page.get_by_role("button", name="Delete second@1").click()
    expect(second).to_have_count(0)
    page.get_by_role("button", name="Bin (1)").click()
    page.get_by_role("button", name="Delete all for good…").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("region", name="Bin")).to_contain_text("Nothing lies in the bin.")

    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_label(re.compile("^Choose a file")).set_input_files(file)
    name = page.get_by_label("Model", exact=True)
    expect(name).to_have_value("second")  # as the file is called
    name.fill("brought")
    expect_no_barriers(page, axe)
    page.get_by_role("button", name="Import", exact=True).last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("brought@1", timeout=DONE)
    expect(page.locator("main")).to_contain_text("Imported")
    expect(page.get_by_role("img").first).not_to_have_js_property("naturalWidth", 0)


def go(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=name, exact=True).click()
