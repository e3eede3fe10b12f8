"""Versions are measured by clicking, stand in a table by how good they are, and are compared."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.browser.conftest import barriers, expect_no_barriers, trained

MEASURED = 180_000  # ms; seconds where nothing else runs
pytestmark = pytest.mark.timeout(600)  # s: several of these one after the other
VALUE = re.compile(r"^−?[\d.,]+( ± [\d.,]+)?")


def test_versions_are_measured_ranked_and_compared(page: Page, server: str, axe: str) -> None:
    trained(server, "ranked-one", architecture="dcgan")
    page.goto(server)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Metrics").click()
    page.get_by_role("button", name="Measure a version").or_(page.get_by_role("link", name="Measure a version")).first.click()
    form = page.get_by_role("region", name="Measure a version")
    form.get_by_label("Model").select_option("ranked-one")
    form.get_by_label("Images to draw").fill("9")
    expect(form).to_contain_text("At least 20 images")
    expect(form.get_by_role("button", name="Measure")).to_be_disabled()
    form.get_by_label("Images to draw").fill("50")
    for name in ("Kernel distance (lite0)", "Recall (lite0)"):
        form.get_by_role("checkbox", name=name).uncheck()
    form.get_by_label("Seen by").select_option("inception")
    expect(form.get_by_role("alert")).to_contain_text("atelier features fetch inception")
    expect(form.get_by_role("button", name="Measure")).to_be_disabled()
    form.get_by_label("Seen by").select_option("lite0")
    form.get_by_text(re.compile("^What they tell, and why")).click()
    expect(form).to_contain_text("it needs a version conditioned on text")
    assert barriers(page, axe) == []
    form.get_by_role("button", name="Measure").click()

    # Watched live: what appears from here on came by the event stream, nothing reloads the page.
    page.evaluate("window.stayed = true")
    expect(page.get_by_role("article", name="Evaluation of ranked-one@1")).to_be_visible()
    table = page.get_by_role("table")
    first = table.get_by_role("row", name=re.compile("ranked-one v1"))
    expect(first.get_by_role("button")).to_have_count(2, timeout=MEASURED)
    expect(first.get_by_role("button").first).to_have_text(VALUE)
    expect(
        page.get_by_text(re.compile(r"^50 drawn against \d+ real pictures of shapes \(train\), seen by EfficientNet-Lite0")).first
    ).to_be_attached()
    assert page.evaluate("window.stayed")

    trained(server, "ranked-two", architecture="vae")
    page.goto(f"{server}/metrics?measure=ranked-two@1")
    expect(form.get_by_label("Images to draw")).to_have_value("50")  # as the table was measured, so that it stands in it
    form.get_by_role("button", name="Measure").click()
    second = table.get_by_role("row", name=re.compile("ranked-two v1"))
    expect(second.get_by_role("button").first).to_have_text(VALUE, timeout=MEASURED)
    expect(page.get_by_role("region", name="Being measured")).to_have_count(0, timeout=MEASURED)
    distances = table.get_by_role("row").nth(1).get_by_role("button").first
    expect(distances).to_contain_text("best")
    distance = page.get_by_role("columnheader", name=re.compile("Fréchet distance"))
    expect(distance).to_have_attribute("aria-sort", "ascending")
    distance.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(distance).to_have_attribute("aria-sort", "descending")
    expect(table.get_by_role("row").nth(1).get_by_role("button").first).not_to_contain_text("best")

    first.get_by_role("button").first.click()
    page.reload()  # the address holds the order and what is opened
    expect(distance).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("heading", name=re.compile(r"^Fréchet distance \(lite0\) of ranked-one@1: "))).to_be_visible()
    expect(table).to_contain_text("Standard error")
    expect_no_barriers(page, axe)


def test_two_versions_are_compared_by_pictures_of_the_same_seeds(page: Page, server: str, axe: str) -> None:
    for name, architecture in (("compared-one", "dcgan"), ("compared-two", "vae")):
        trained(server, name, architecture=architecture)
        httpx.post(f"{server}/api/v1/evaluations", json={"model": name, "metrics": ["fid"], "num_samples": 50}).raise_for_status()
    page.goto(f"{server}/metrics/compare?a=compared-one@1&b=compared-two@1&seed=5&count=4")
    sides = [page.get_by_role("region", name=f"{side}: ") for side in ("A", "B")]
    for side in sides:
        for image, seed in zip(_images(side, 4), range(5, 9), strict=True):
            expect(image).to_have_attribute("alt", re.compile(f"from seed {seed}$"))
    asked = {"seed": 6, "count": 1}
    drawn = httpx.post(f"{server}/api/v1/models/compared-two/versions/1/images", json=asked).raise_for_status().json()
    expect(sides[1].get_by_role("img", name="B from seed 6", exact=True)).to_have_attribute("src", drawn["items"][0]["url"])
    scores = page.get_by_role("region", name="Their scores")
    expect(scores.get_by_role("row")).to_have_count(2, timeout=MEASURED)  # live, as soon as both were measured
    expect(scores).to_contain_text(re.compile("[AB] is better|no larger than the errors"))
    page.get_by_role("button", name="Keep the seeds").click()
    expect(page.get_by_role("button", name="Roll a seed")).to_be_disabled()
    page.get_by_role("button", name="Keep the seeds").click()
    page.get_by_role("button", name="Roll a seed").click()
    expect(sides[0].get_by_role("img", name="A from seed 5", exact=True)).to_have_count(0)
    expect_no_barriers(page, axe)


def test_a_run_that_is_measured_on_its_way_shows_it(page: Page, server: str, axe: str) -> None:
    settings = {"architecture": "dcgan", "dataset": "shapes", "data.count": 64, "preset": "debug", "hp.steps": 40, "model": "on-its-way"}
    page.goto(str(httpx.URL(f"{server}/train", params=settings)))
    page.get_by_text(re.compile("^Measuring")).click()
    page.get_by_label("On the way").select_option("fid")
    page.get_by_label("Pictures each time").fill("20")
    page.get_by_label("Minutes between").fill("0")
    expect(page.get_by_role("button", name="1 field to mend")).to_be_disabled()
    page.get_by_label("Minutes between").fill("0.001")
    assert barriers(page, axe) == []
    page.get_by_role("button", name="Start training").click()

    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    way = page.get_by_role("region", name="Fréchet distance (lite0) on the way")
    expect(way.get_by_text(re.compile(r"best at step \d+"))).to_be_visible(timeout=MEASURED)
    page.get_by_role("button", name="Cancel").click()
    way.get_by_role("link", name="Beside other runs").click()
    expect(page.get_by_role("img", name="Fréchet distance (lite0) by step")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^20 drawn against \d+ real pictures of shapes \(train\)")).first).to_be_attached()
    page.get_by_text("All values").click()
    expect(page.get_by_role("table").get_by_role("cell").first).to_have_text(VALUE)
    expect_no_barriers(page, axe)


def test_a_phone_shows_all_of_it_without_scrolling_sideways(browser: Browser, server: str, axe: str) -> None:
    with browser.new_context(viewport={"width": 360, "height": 740}, locale="en-US") as context:
        page = context.new_page()
        for path in ("/metrics", "/metrics?measure=", "/metrics/training", "/metrics/compare"):
            page.goto(server + path)
            expect(page.get_by_role("heading", level=1)).to_have_text("Metrics")
            expect(page.get_by_role("status", name="Loading")).to_have_count(0)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            assert barriers(page, axe) == [], path


def _images(side: Locator, count: int) -> list[Locator]:
    images = side.get_by_role("img")
    expect(images).to_have_count(count)
    for image in images.all():
        image.scroll_into_view_if_needed()
        expect(image).not_to_have_js_property("naturalWidth", 0)
    return images.all()
