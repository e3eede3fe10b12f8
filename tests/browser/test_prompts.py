"""Somebody brings pictures with captions, trains on them, and types a sentence."""

import random
import re
import zipfile
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect
from tests.browser.conftest import drawn

READY = 120_000  # ms
COLOURS = {"red": (220, 30, 30), "green": (30, 160, 60), "blue": (30, 60, 220)}


def test_a_captioned_zip_is_trained_on_and_a_sentence_drawn(page: Page, server: str, tmp_path: Path) -> None:
    page.goto(f"{server}/datasets")
    page.get_by_role("button", name="Add pictures").click()
    page.get_by_label("Zip file", exact=True).set_input_files(_captioned(tmp_path / "worded.zip"))
    page.get_by_label("Title").fill("Worded")
    page.get_by_label("Prepare at").select_option("16")
    page.get_by_role("button", name="Upload and prepare").click()
    page.get_by_role("link", name=re.compile("Worded")).click(timeout=READY)
    page.get_by_role("link", name="Train on this").click()

    page.get_by_role("radiogroup", name="Architecture").get_by_role("radio", name="Text2Image DCGAN").check()
    page.get_by_role("radiogroup", name="Preset").get_by_role("radio", name="Debug").check()
    page.get_by_label("Model", exact=True).fill("worded")
    page.get_by_role("button", name="Start training").click()
    expect(page.locator(".page-head .status")).to_have_text("Succeeded", timeout=READY)

    page.get_by_role("link", name="Draw from version 1").click()
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("a red zebra")
    page.get_by_label("Images", exact=True).fill("2")
    prompt.press("Enter")
    nearest = page.get_by_role("region", name="What it learned from")
    expect(nearest.get_by_role("listitem")).to_have_count(4)
    images = drawn(page, 2)
    expect(nearest.get_by_role("status")).to_contain_text("“zebra” stands in no caption")

    page.goto(page.url)  # the address brings prompt and images back
    expect(prompt).to_have_value("a red zebra")
    assert drawn(page, 2) == images
    page.get_by_label("Lead towards").fill("a blue square")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.get_by_role("img", name="Image from seed").first).not_to_have_attribute("src", images[0])
    expect(nearest.get_by_role("listitem")).to_have_count(8)
    mixed = drawn(page, 2)
    seed = int(re.search(r"seed=(\d+)", page.url)[1])  # type: ignore[index]
    body = {"seed": seed, "count": 2, "prompt_weights": {"a red zebra": 0.5, "a blue square": 0.5}}
    answer = httpx.post(f"{server}/api/v1/models/worded/versions/1/images", json=body).json()
    assert [image["url"] for image in answer["items"]] == mixed


def _captioned(path: Path) -> Path:
    """Squares and circles in three colours, each picture beside a text file of its name."""
    rng = random.Random(0)
    with zipfile.ZipFile(path, "w") as archive:
        for index in range(48):
            colour, shape = rng.choice(list(COLOURS)), rng.choice(["square", "circle"])
            picture = Image.new("RGB", (32, 32), "white")
            x, y, side = rng.randint(2, 10), rng.randint(2, 10), rng.randint(10, 20)
            draw = ImageDraw.Draw(picture)
            (draw.rectangle if shape == "square" else draw.ellipse)((x, y, x + side, y + side), fill=COLOURS[colour])
            png = BytesIO()
            picture.save(png, "PNG")
            archive.writestr(f"{index:02}.png", png.getvalue())
            archive.writestr(f"{index:02}.txt", f"a {colour} {shape}\nsomething {colour}\n")
    return path
