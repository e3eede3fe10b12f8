"""A page is where its address says, and stands as the address says."""

from playwright.sync_api import Page, expect


def test_a_page_opened_at_its_address_stands(page: Page, server: str) -> None:
    titles = {"/train": "Train", "/runs": "Runs", "/inference": "Inference", "/logs": "Logs"}
    titles |= {
        "/runs?status=paused": "Runs",
        "/datasets": "Data sets",
        "/datasets?add=download": "Data sets",
        "/datasets/emoji": "OpenMoji",
    }
    for path, title in titles.items():
        page.goto(server + path)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
