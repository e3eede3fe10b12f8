"""The inference page, by clicking and by keys: what is drawn, what can be done with it, and that it comes again."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect
from tests.browser.conftest import drawn, expect_no_barriers, trained

FOUND = 180_000  # ms, within which directions are; some ten seconds where nothing else runs


def test_images_are_drawn_moved_kept_and_drawn_again_elsewhere(page: Page, server: str, axe: str, tmp_path: Path) -> None:
    trained(server, "by-class", architecture="cgan")
    live: list[bytes | str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: live.append(frame)))  # a built-in is not taken
    page.goto(f"{server}/inference?model=by-class&seed=3&count=2")
    plain = drawn(page, 2)

    # A mixture of two classes, moved by its slider: seen at once, drawn for good when it rests, and brought back by the address.
    page.get_by_label("Mix", exact=True).check()
    classes = page.get_by_role("group", name="Classes")
    classes.get_by_role("checkbox", name="star").check()
    classes.get_by_role("checkbox", name="heart").check()
    page.get_by_role("slider", name="Share of heart").fill("0.25")
    asked = {"seed": 3, "count": 2, "class_weights": {"star": 0.75, "heart": 0.25}}
    answer = httpx.post(f"{server}/api/v1/models/by-class/versions/1/images", json=asked).json()
    mixed = [image["url"] for image in answer["items"]]
    assert mixed != plain
    first = page.get_by_role("img", name="Image from seed 3", exact=True)  # the dice may give one that begins with a 3
    expect(first).to_have_attribute("src", mixed[0])
    assert live
    assert all(isinstance(frame, bytes) for frame in live)
    page.goto(page.url)
    assert drawn(page, 2) == mixed
    _walk_modes(page, server, axe)
    page.goto(f"{server}/inference?model=by-class&seed=3&count=2&class.star=0.75&class.heart=0.25")
    drawn(page, 2)

    # By keys alone: the first seed stays while another is rolled, and becomes a favourite.
    page.locator("body").press("ArrowRight")
    expect(page.get_by_role("button", name="Open image 3", exact=True)).to_be_focused()
    page.keyboard.press("l")
    page.keyboard.press("d")
    expect(page).to_have_url(re.compile(r"locked=0%3A3"))
    expect(page.get_by_role("button", name="Open image 4", exact=True)).to_have_count(0)
    expect(first).to_have_attribute("src", mixed[0])
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Favourite: image 3", exact=True)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Image from seed 3", exact=True)).to_be_visible()
    expect(dialog).to_contain_text("star 0.75, heart 0.25")

    # What is offered to copy draws this very image.
    dialog.get_by_text("As curl, as Python").click()
    curl, python = dialog.locator("pre").all_text_contents()
    wanted = httpx.get(server + mixed[0]).content
    for command in (["sh", "-c", curl], [sys.executable, "-c", python]):
        subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
        (made,) = tmp_path.iterdir()
        assert made.read_bytes() == wanted
        made.unlink()
    with page.expect_download() as download:
        dialog.get_by_role("link", name="Save").click()
    download.value.save_as(tmp_path / "saved.png")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")

    # Found again in the history, and read back from the file.
    page.get_by_role("link", name="History").click()
    page.get_by_label("Favourites").check()
    expect(page.get_by_role("button", name=re.compile("^Open by-class"))).to_have_count(1)
    page.get_by_role("button", name="Open by-class version 1, seed 3", exact=True).click()
    dialog.get_by_label("Note").fill("for the cover")
    dialog.get_by_role("button", name="Keep").click()
    expect(dialog.get_by_role("button", name="Keep")).to_be_disabled()
    page.keyboard.press("Escape")
    page.get_by_label(re.compile("^Search")).fill("cover")
    expect(page.get_by_role("button", name=re.compile("^Open by-class"))).to_have_count(1)
    page.get_by_label("Read a picture’s recipe", exact=True).last.set_input_files(tmp_path / "saved.png")
    expect(page.get_by_text("One image, drawn by by-class@1.")).to_be_visible()
    page.get_by_role("link", name="Draw it again").click()
    assert drawn(page, 1) == mixed[:1]


def _walk_modes(page: Page, server: str, axe: str) -> None:
    """Every mode shows something, is free of barriers in both themes, and has its way out."""
    here = f"{server}/inference?model=by-class&version=1"
    shown = {
        "draw&seed=3&count=2": page.get_by_text("2 images drawn"),
        "walk&walk.frames=4": page.get_by_text("9 frames drawn"),
        "compare&b=by-class@1&count=2": page.get_by_text("2 images of each drawn"),
        "project": page.get_by_text("Drop a picture"),
        "history": page.get_by_role("button", name=re.compile("^Open by-class")).first,
    }
    for mode, sign in shown.items():
        page.goto(f"{here}&mode={mode}")
        expect(sign).to_be_visible()
        expect_no_barriers(page, axe)
    page.goto(f"{here}&mode=walk&walk.frames=4")
    with page.expect_download() as download:
        page.get_by_role("button", name="GIF").click()
    assert Path(download.value.path()).read_bytes().startswith(b"GIF8")
    page.get_by_role("button", name="Change stop 2").click()
    page.get_by_role("radio", name="star").check()
    expect(page).to_have_url(re.compile("class_weights.*star"))
    page.goto(f"{here}&mode=compare&b=by-class@1&count=2&view=wipe")
    expect(page.get_by_role("slider", name="Edge between A and B")).to_be_visible()


def test_directions_are_found_and_images_moved_and_projected(page: Page, server: str) -> None:
    trained(server, "to-turn", architecture="dcgan")
    page.goto(f"{server}/inference?model=to-turn&seed=3&count=1")
    image = page.get_by_role("img", name="Image from seed 3", exact=True)
    (plain,) = drawn(page, 1)
    page.get_by_role("button", name="Find directions").click()
    slider = page.get_by_role("region", name="Dial").get_by_role("slider", name="Black background")
    slider.fill("0.95", timeout=FOUND)
    expect(page).to_have_url(re.compile(r"dial\.black(\+|%20)background=0\.95"))
    expect(image).not_to_have_attribute("src", plain)
    turned = httpx.get(f"{server}{image.get_attribute('src')}")
    assert turned.content.startswith(b"\x89PNG")

    page.goto(page.url)
    expect(slider).to_have_value("0.95")
    page.get_by_role("button", name="Set everything back").click()
    expect(image).to_have_attribute("src", plain)

    directions = page.get_by_role("region", name="Directions")
    directions.get_by_role("button", name=re.compile("^About")).first.click()
    page.get_by_label("Name").fill("width")
    page.get_by_role("button", name="Rename").click()
    page.keyboard.press("Escape")
    directions.get_by_role("slider", name="width").fill("2")
    expect(image).not_to_have_attribute("src", plain)

    image.click()
    page.get_by_role("link", name="Project it: find its latent").click()
    page.get_by_label("Steps").fill("2")
    page.get_by_role("button", name="Find it").click()
    page.get_by_role("link", name="Move it by sliders").click(timeout=FOUND)
    expect(page.get_by_role("img", name="Image from seed 0", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("^From projection"))).to_be_visible()


def test_styles_are_mixed(page: Page, server: str, axe: str) -> None:
    trained(server, "to-mix", architecture="stylegan")
    page.goto(f"{server}/inference?model=to-mix&mode=mix&rows=1,2&columns=11")
    cell = page.get_by_role("img", name="Row 2 with the styles of column 1")
    expect(cell).to_be_visible()
    before = cell.get_attribute("src") or ""
    page.get_by_role("slider", name="Crossover").fill("1")
    expect(cell).not_to_have_attribute("src", before)
    expect_no_barriers(page, axe)
