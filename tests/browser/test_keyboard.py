"""The walk of somebody without a mouse: from the first page to a picture, by keys alone."""

import re

from playwright.sync_api import Locator, Page, expect

TRAINED = 120_000  # ms


def test_from_home_to_a_picture_by_keys_alone(page: Page, server: str) -> None:
    page.goto(server)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    go_to(page, page.get_by_role("navigation", name="Pages").get_by_role("link", name="Train"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Train")).to_be_focused()

    # Of a group of radio buttons, Tab reaches the chosen one, and arrows move the choice.
    architectures = page.get_by_role("radiogroup", name="Architecture")
    go_to(page, architectures.get_by_role("radio", checked=True))
    choose(page, architectures.get_by_role("radio", name=re.compile("^DCGAN")))
    datasets = page.get_by_role("radiogroup", name="Data set")
    go_to(page, datasets.get_by_role("radio", checked=True))
    choose(page, datasets.get_by_role("radio", name="digits"))
    presets = page.get_by_role("radiogroup", name="Preset")
    go_to(page, presets.get_by_role("radio", checked=True))
    choose(page, presets.get_by_role("radio", name=re.compile("^Debug")))
    go_to(page, page.get_by_label("Model", exact=True))
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("by-keys")
    go_to(page, page.get_by_role("button", name="Start training"))
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    expect(page.get_by_text("Succeeded", exact=True)).to_be_visible(timeout=TRAINED)
    go_to(page, page.get_by_role("link", name="Draw from version 1"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Inference")).to_be_focused()
    go_to(page, page.get_by_label("Seed", exact=True))
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    picture = page.get_by_role("button", name="Open image 5", exact=True)
    go_to(page, picture)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Image from seed 5", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(picture).to_be_focused()


def go_to(page: Page, target: Locator) -> None:
    """By Tab; where the focus is can be seen all the way."""
    expect(target).to_be_visible()
    for _ in range(200):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches(':focus-visible, body')")
        if target.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {target}")


def choose(page: Page, wanted: Locator) -> None:
    """By arrows, from the radio button that has the focus."""
    for _ in range(20):
        if wanted.is_checked():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"arrows do not lead to {wanted}")
