"""Models are found, named, noted, compared, deleted and restored by clicking."""

import re

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import barriers, trained

pytestmark = pytest.mark.timeout(600)  # s


def test_a_model_is_found_named_compared_deleted_and_restored(page: Page, server: str, axe: str) -> None:
    for seed in (1, 2):
        trained(server, "kept", architecture="dcgan", seed=seed)
    page.goto(server)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Models").click()
    cards = page.get_by_role("region", name="Models").get_by_role("link")
    page.get_by_label("Search").fill("kept")
    expect(page).to_have_url(re.compile(r"q=kept"))
    expect(cards).to_have_count(1)
    assert barriers(page, axe) == []

    # One version: its note, and its alias, by the keyboard.
    cards.first.click()
    expect(page.get_by_role("heading", name="kept@2")).to_be_visible()
    page.get_by_label("New alias").fill("production")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Take production away")).to_be_visible()
    page.get_by_role("button", name="Add a note").click()
    page.get_by_label("Note on this version").fill("Keep this one")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Keep this one")).to_be_visible()
    assert barriers(page, axe) == []

    # It is trained on with its own settings and data.
    page.get_by_role("link", name="Train on from here").click()
    expect(page.get_by_label("Count")).to_have_value("64")
    expect(page.get_by_label("Begin with")).to_have_value("kept")
    page.go_back()

    # One of its pictures is the content of a style transfer.
    page.get_by_role("button", name="Stylise").click()
    expect(page).to_have_url(re.compile(r"/style\?content=[0-9a-f]{32}$"))
    expect(page.get_by_role("heading", name="Style transfer")).to_be_visible()
    expect(page.get_by_role("region", name="Content").locator("img")).not_to_have_js_property("naturalWidth", 0)

    # It is found by what it was trained on and by what it is called, again after a reload.
    page.goto(f"{server}/models")
    page.get_by_label("Data set").select_option("shapes")
    page.get_by_label("Alias").select_option("production")
    expect(page).to_have_url(re.compile(r"dataset=shapes&alias=production"))
    expect(cards).to_have_count(1)
    page.reload()
    expect(page.get_by_label("Alias")).to_have_value("production")
    expect(cards).to_have_count(1)
    cards.first.click()
    expect(page.get_by_role("heading", name="kept@2")).to_be_visible()

    # All versions: the same seeds by two, a deletion taken back.
    page.get_by_role("link", name="kept", exact=True).click()
    for number in (1, 2):
        page.get_by_role("checkbox", name=f"Choose kept@{number}").check()
    page.reload()  # the address holds what is compared
    expect(page.get_by_role("region", name="The same seeds").get_by_role("img", name=re.compile("^Seed 1 by kept@"))).to_have_count(2)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    assert barriers(page, axe) == []
    page.get_by_role("button", name="Delete kept@2").click()
    row = page.get_by_role("row", name=re.compile("v2"))
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("production")
    expect(row).to_contain_text("Keep this one")

    # All of the model: gone, and back from the bin after a reload.
    page.get_by_role("button", name="Delete the model").click()
    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("kept"))).to_have_count(0)
    page.get_by_role("button", name=re.compile("Bin")).click()
    page.reload()
    assert barriers(page, axe) == []
    for number in (1, 2):
        page.get_by_role("button", name=f"Restore kept@{number}").click()
        expect(page.get_by_role("button", name=f"Restore kept@{number}")).to_have_count(0)
    expect(page.get_by_role("link", name=re.compile("kept"))).to_have_count(1)
