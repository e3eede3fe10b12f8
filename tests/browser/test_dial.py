"""What images can be turned to is found on the page, and turned there."""

import re

import httpx
from playwright.sync_api import Page, expect
from tests.browser.conftest import drawn, trained


def test_directions_are_found_and_an_image_is_turned(page: Page, server: str) -> None:
    trained(server, "to-turn", architecture="dcgan")
    page.goto(f"{server}/inference?model=to-turn&seed=3&count=1")
    image = page.get_by_role("img", name="Image from seed 3")
    (plain,) = drawn(page, 1)
    dial = page.get_by_role("region", name="Dial")
    dial.get_by_role("button", name="Find directions").click()
    slider = dial.get_by_role("slider", name="Black background")
    slider.fill("0.95")
    expect(page).to_have_url(re.compile(r"dial\.black(\+|%20)background=0\.95"))
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(image).not_to_have_attribute("src", plain)
    turned = httpx.get(f"{server}{image.get_attribute('src')}")
    assert turned.content.startswith(b"\x89PNG")

    page.goto(page.url)
    expect(slider).to_have_value("0.95")
    dial.get_by_role("button", name="Set Black background back").click()
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(image).to_have_attribute("src", plain)
