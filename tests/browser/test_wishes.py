"""A version is asked for what it can do, by clicking."""

import httpx
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import drawn, trained


def test_a_mixture_of_classes_is_drawn_and_its_address_brings_it_back(page: Page, server: str) -> None:
    trained(server, "by-class", architecture="cgan")
    page.goto(f"{server}/inference?model=by-class&seed=3&count=2")
    plain = drawn(page, 2)
    page.get_by_role("radiogroup", name="Classes").get_by_role("radio", name="star").check()
    page.get_by_label("Mix with").select_option("heart")
    page.get_by_role("slider", name="Share of heart").fill("0.25")
    page.get_by_role("button", name="Draw", exact=True).click()
    expect(page.get_by_role("button", name="Draw", exact=True)).to_be_enabled()
    expect(page.get_by_role("img", name="Image from seed 3")).not_to_have_attribute("src", plain[0])
    mixed = drawn(page, 2)
    asked = {"seed": 3, "count": 2, "class_weights": {"star": 0.75, "heart": 0.25}}
    answer = httpx.post(f"{server}/api/v1/models/by-class/versions/1/images", json=asked).json()
    assert [image["url"] for image in answer["items"]] == mixed
    page.goto(page.url)
    assert drawn(page, 2) == mixed


def test_what_the_pictures_lack_is_said_at_the_data_set(browser: Browser, server: str) -> None:
    with browser.new_context(locale="en-US") as context:  # a refusal stands in the console, so this page may complain
        page = context.new_page()
        page.goto(f"{server}/train?architecture=cgan&dataset=digits&preset=debug&hp.conditions=attributes")
        page.get_by_role("button", name="Start training").click()
        group = page.get_by_role("radiogroup", name="Data set")
        expect(group).to_have_attribute("aria-invalid", "true")
        expect(group).to_be_focused()
        expect(group).to_contain_text('set the hyper-parameter conditions to "class"')
