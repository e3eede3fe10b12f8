"""What a person can get wrong: each page says what is wrong and what would be right, beside where it is."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page whose console may tell of the server's refusals."""
    with browser.new_context(locale="en-US") as context:
        yield context.new_page()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/runs/999", "There is no training run 999"),
        ("/runs/nine", "There is no page at this address"),
        ("/models/nobody", "nobody"),
        ("/models/nobody/3", "nobody"),
        ("/style/999", "There is no style transfer 999"),
        ("/datasets/nothing", "There is no data set 'nothing'"),
        ("/logs/nothing-20260101-000000-000.txt", "There is no log"),
        ("/nowhere", "There is no page at this address"),
    ],
)
def test_an_address_that_leads_nowhere_says_so_and_leads_back(page: Page, server: str, path: str, says: str) -> None:
    page.goto(server + path)
    expect(page.locator("main")).to_contain_text(says)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


def test_the_training_form_says_what_to_mend(page: Page, server: str) -> None:
    page.goto(f"{server}/train?architecture=dcgan&dataset=shapes&preset=debug&hp.steps=0&seed=-1")
    expect(page.get_by_role("button", name="2 fields to mend")).to_be_disabled()
    expect(page.locator("main")).to_contain_text("At least 1.")
    expect(page.locator("main")).to_contain_text("Write a whole number from 0.")
    page.goto(f"{server}/train?architecture=dcgan&dataset=shapes&preset=debug&model=Not%20a%20name")
    page.get_by_role("button", name="Start training").click()
    name = page.get_by_label("Model", exact=True)
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    name.fill("a-name")
    expect(name).not_to_have_attribute("aria-invalid", "true")


def test_what_cannot_be_drawn_is_said_before_it_is_asked(page: Page, server: str) -> None:
    page.goto(f"{server}/inference?model=nobody&version=3&seed=1&count=2")
    expect(page.locator("main")).to_contain_text(re.compile("nobody has no version 3|There is no version to draw from yet"))


def test_a_file_that_is_no_version_is_refused_with_its_reason(page: Page, server: str, tmp_path: Path) -> None:
    page.goto(f"{server}/models")
    page.get_by_role("button", name="Import", exact=True).click()
    (tmp_path / "version.zip").write_text("no archive at all")
    page.get_by_label(re.compile("^Choose a file")).set_input_files(tmp_path / "version.zip")
    page.get_by_role("button", name="Import", exact=True).last.click()
    expect(page.get_by_role("alert").first).to_contain_text(re.compile("zip", re.IGNORECASE))
