"""Somebody brings pictures, looks at what became of them, trains on them, and puts the run aside for a while."""

import io
import random
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.timeout(600)  # s: a preparation, and a run that is paused and resumed

PREPARED = TRAINED = 120_000  # ms; both take seconds where nothing else runs
EACH = 24  # pictures of a class


def test_bring_pictures_train_on_them_pause_and_resume(page: Page, server: str, tmp_path: Path) -> None:
    page.goto(server)
    page.get_by_role("link", name="Data sets", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Data sets")
    page.get_by_role("button", name="Add pictures").click()
    page.get_by_label("Zip file", exact=True).set_input_files(_zip_of_shapes(tmp_path / "My Shapes.zip"))
    expect(page.get_by_label("Name", exact=True)).to_have_value("my-shapes")
    page.get_by_label("Title").fill("Shapes of mine")
    page.get_by_label("Prepare at").select_option("16")
    page.get_by_role("button", name="Upload and prepare").click()

    # Watched live: nothing reloads the page.
    expect(page.get_by_role("article", name="Preparation of my-shapes")).to_be_visible()
    page.get_by_role("link", name=re.compile("Shapes of mine")).click(timeout=PREPARED)

    expect(page.get_by_role("heading", level=1)).to_have_text("Shapes of mine")
    facts = page.locator("dl.facts")
    expect(facts.locator("div", has_text="Pictures")).to_contain_text(str(2 * EACH))
    expect(facts.locator("div", has_text="Skipped files")).to_contain_text("1")
    classes = page.get_by_role("list", name="Pictures by class").get_by_role("listitem")
    expect(classes).to_have_text([re.compile(f"(round|square){EACH}")] * 2)
    skipped = page.get_by_role("row", name=re.compile(r"broken\.png"))
    expect(skipped).to_contain_text(re.compile("truncated|broken|cannot|can't"))
    sample = page.get_by_role("link", name=re.compile(r"^Picture \d+, (Round|Square)")).first
    sample.focus()
    expect(sample.locator(".told")).to_have_css("opacity", "1")

    page.get_by_role("link", name="Train on this").click()
    expect(page.get_by_role("radiogroup", name="Data set").get_by_role("radio", name="Shapes of mine")).to_be_checked()
    page.get_by_role("radiogroup", name="Preset").get_by_role("radio", name="Debug").check()
    page.get_by_text(re.compile("^Budget")).click()
    page.get_by_label("Steps", exact=True).fill("600")
    page.get_by_label("Model").fill("mine")
    page.get_by_role("button", name="Start training").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))

    status = page.locator(".page-head .status")
    expect(page.get_by_text(re.compile(r"^\d+(\.\d)? %, .* left$"))).to_be_visible(timeout=TRAINED)
    page.get_by_role("button", name="Pause").click()
    expect(status).to_have_text("Paused", timeout=TRAINED)
    expect(page.get_by_text(re.compile(r"^Paused after [\d,]+ of 600 steps$"))).to_be_visible()
    page.reload()
    expect(status).to_have_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(status).to_have_text("Succeeded", timeout=TRAINED)
    expect(page.get_by_role("link", name="Draw from version 1")).to_be_visible()

    # Models keep what they learned when their pictures go.
    page.get_by_role("link", name="my-shapes").click()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page).to_have_url(server + "/datasets")
    expect(page.get_by_role("link", name=re.compile("Emoji"))).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Shapes of mine"))).to_have_count(0)


def test_what_is_wrong_with_an_upload_stands_at_its_field(page: Page, server: str, tmp_path: Path) -> None:
    page.goto(server + "/datasets?add=upload")
    page.get_by_role("button", name="Upload and prepare").click()
    expect(page.get_by_label("Zip file", exact=True)).to_have_attribute("aria-invalid", "true")

    (tmp_path / "notes.zip").write_text("no zip at all")
    page.get_by_label("Zip file", exact=True).set_input_files(tmp_path / "notes.zip")
    page.get_by_role("button", name="Upload and prepare").click()
    expect(page.get_by_text("This is not a zip file.")).to_be_visible()

    page.get_by_label("Zip file", exact=True).set_input_files(_zip_of_shapes(tmp_path / "good.zip"))
    page.get_by_label("Name", exact=True).fill("emoji")
    page.get_by_role("button", name="Upload and prepare").click()
    expect(page.get_by_label("Name", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()

    page.get_by_text("A folder of the server").click()
    expect(page.get_by_text("ATELIER_DATA_ROOTS")).to_be_visible()


def _zip_of_shapes(path: Path) -> Path:
    """Two folders of pictures, and among them a file that breaks off."""
    dice = random.Random(0)
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(2 * EACH):
            picture = Image.new("RGB", (48, 40), _colour(dice))
            draw = ImageDraw.Draw(picture)
            for _ in range(6):
                left, top, size = dice.randrange(40), dice.randrange(30), dice.randrange(5, 30)
                (draw.ellipse if index % 2 else draw.rectangle)((left, top, left + size, top + size), fill=_colour(dice))
            archive.writestr(f"{'round' if index % 2 else 'square'}/{index}.png", _png(picture))
        archive.writestr("round/broken.png", _png(picture)[:60])
    return path


def _colour(dice: random.Random) -> tuple[int, int, int]:
    return dice.randrange(256), dice.randrange(256), dice.randrange(256)


def _png(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
