"""What can't be done is said where it was asked for."""

from playwright.sync_api import Browser, expect


def test_what_the_pictures_lack_is_said_at_the_data_set(browser: Browser, server: str) -> None:
    with browser.new_context(locale="en-US") as context:  # a refusal stands in the console, so this page may complain
        page = context.new_page()
        page.goto(f"{server}/train?architecture=cgan&dataset=digits&preset=debug&hp.conditions=attributes")
        page.get_by_role("button", name="Start training").click()
        group = page.get_by_role("radiogroup", name="Data set")
        expect(group).to_have_attribute("aria-invalid", "true")
        expect(group).to_be_focused()
        expect(group).to_contain_text('set the hyper-parameter conditions to "class"')
