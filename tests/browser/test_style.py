"""Somebody brings a picture, takes a style from the gallery, and watches it being drawn."""

import re
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import httpx
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Locator, Page, expect

DRAWN = 120_000  # ms; seconds where nothing else runs


def test_bring_a_picture_take_a_style_and_watch_it_drawn(page: Page, server: str, tmp_path: Path) -> None:
    page.goto(server)
    page.get_by_role("link", name="Style", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Style transfer")
    dropped = page.evaluate_handle(
        """base64 => {
            const transfer = new DataTransfer();
            const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
            transfer.items.add(new File([bytes], "house.png", { type: "image/png" }));
            return transfer;
        }""",
        b64encode(_png()).decode(),
    )
    page.get_by_label("Content picture").dispatch_event("drop", {"dataTransfer": dropped})
    content = page.get_by_role("region", name="Content")
    _seen(content.locator("img"))
    mosaic = page.get_by_role("checkbox", name="Mosaic")
    mosaic.focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Remove Mosaic")).to_be_visible()
    size = page.get_by_role("slider", name="Size")
    size.focus()
    page.keyboard.press("Home")
    expect(size).to_have_attribute("aria-valuetext", "64")
    page.get_by_text(re.compile("^Steps and statistics")).click()
    page.get_by_label("Smallest", exact=True).fill("64")
    page.get_by_label("Steps", exact=True).fill("400")

    page.reload()  # the address holds every choice
    _seen(content.locator("img"))
    expect(mosaic).to_be_checked()
    expect(page.get_by_label("Steps", exact=True)).to_have_value("400")
    page.get_by_role("button", name="Draw it").click()

    # Watched live: what appears from here on came by the event stream, nothing reloads the page.
    expect(page).to_have_url(re.compile(r"/style/\d+$"))
    address, status = page.url, page.locator(".page-head .status")
    expect(page.get_by_text(re.compile(r"^\d+(\.\d)? %, .* left$"))).to_be_visible(timeout=DRAWN)
    picture = page.get_by_role("img", name=re.compile("^Picture after"))
    _seen(picture)
    early = picture.get_attribute("src") or ""
    expect(picture).not_to_have_attribute("src", early)
    expect(status).to_have_text("Succeeded", timeout=DRAWN)
    expect(page.get_by_text(re.compile(r"^400 steps in "))).to_be_visible()
    expect(page.locator(".page-head")).to_contain_text("through EfficientNet-Lite0")
    assert page.url == address

    edge = page.get_by_role("slider", name="Content beside the picture")
    edge.focus()
    page.keyboard.press("End")
    expect(edge).to_have_attribute("aria-valuetext", "100 % content, 0 % picture")
    page.keyboard.press("PageDown")
    expect(edge).to_have_attribute("aria-valuetext", "90 % content, 10 % picture")
    past = page.get_by_role("slider", name="Preview through time")
    past.focus()
    page.keyboard.press("Home")
    expect(page.get_by_role("button", name="To the newest", exact=True)).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "drawn.png")
    with Image.open(tmp_path / "drawn.png") as drawn:
        assert drawn.size == (64, 48)
    settings = page.get_by_role("region", name="Hyper-parameters").locator("dl").first
    expect(settings.locator("dt")).to_have_text(["Size", "Smallest", "Steps"])

    page.get_by_role("link", name="Change and draw again").click()
    _seen(content.locator("img"))
    expect(mosaic).to_be_checked()
    expect(size).to_have_attribute("aria-valuetext", "64")
    history = page.get_by_role("region", name="Drawn so far")
    history.get_by_role("link", name=re.compile("Mosaic")).first.click()
    expect(page).to_have_url(address)


def test_a_transfer_that_is_cancelled_keeps_its_preview(page: Page, server: str) -> None:
    sent = httpx.post(f"{server}/api/v1/pictures", files={"file": _png()}).raise_for_status().json()
    page.goto(f"{server}/style?content={sent['id']}&style=woodcut*0.5+waves&hp.size=64&hp.smallest=64&hp.steps=10000")
    weight = page.get_by_role("slider", name="Weight of Woodcut")
    expect(weight).to_have_attribute("aria-valuetext", "0.5")
    page.get_by_role("button", name="Remove Indigo waves").click()
    expect(weight).to_have_count(0)  # of a single style
    page.get_by_role("button", name="Draw it").click()
    picture = page.get_by_role("img", name=re.compile("^Picture after"))
    expect(picture).to_be_visible(timeout=DRAWN)
    page.get_by_role("button", name="Cancel").click()
    status = page.locator(".page-head .status")
    expect(status).to_have_text("Cancelled", timeout=DRAWN)
    expect(page.get_by_text(re.compile(r"^Cancelled after [\d,]+ of 10,000 steps$"))).to_be_visible()
    page.reload()
    _seen(picture)
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()


def test_what_is_wrong_stands_where_it_is(browser: Browser, server: str, tmp_path: Path) -> None:
    with browser.new_context(locale="en-US") as context:
        page = context.new_page()  # whose console may tell of the server's refusal
        page.goto(f"{server}/style")
        page.get_by_role("button", name="Draw it").click()
        content = page.get_by_label("Content picture")
        expect(content).to_have_attribute("aria-invalid", "true")
        expect(content).to_be_focused()
        expect(page.get_by_label("Style pictures")).to_have_attribute("aria-invalid", "true")

        (tmp_path / "notes.png").write_text("no picture at all")
        content.set_input_files(tmp_path / "notes.png")
        region = page.get_by_role("region", name="Content")
        expect(region).to_contain_text("notes.png: not a picture, but text")
        content.set_input_files(_house(tmp_path / "house.png"))
        _seen(region.locator("img"))
        expect(content).not_to_have_attribute("aria-invalid", "true")

        page.goto(f"{server}/style?content={'0' * 32}&style=mosaic")
        expect(region).to_contain_text("This picture is not on the server any more.")
        page.get_by_role("button", name="Draw it").click()
        expect(region).to_contain_text("There is no picture '00000000000000000000000000000000'")


def _seen(image: Locator) -> None:
    expect(image).to_be_visible()
    expect(image).not_to_have_js_property("naturalWidth", 0)


def _house(path: Path) -> Path:
    path.write_bytes(_png())
    return path


def _png() -> bytes:
    picture = Image.new("RGB", (96, 72), "skyblue")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 50, 96, 72), fill="seagreen")
    draw.rectangle((30, 30, 66, 60), fill="firebrick")
    draw.polygon([(24, 32), (48, 10), (72, 32)], fill="saddlebrown")
    written = BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
