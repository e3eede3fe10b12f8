"""Many tabs: one event stream for all of them, whoever holds it."""

import re
import time

import httpx
from playwright.sync_api import Browser, Page, Request, expect
from tests.browser.conftest import long_run

TABS = 7  # one more than the connections that a browser allows an origin


def test_seven_tabs_share_one_stream_and_outlive_its_holder(browser: Browser, server: str) -> None:
    run = long_run(server, "watched")
    url = f"{server}/api/v1/training-runs/{run['id']}"
    try:
        while not (log := httpx.get(url, timeout=60).json()["log"]):
            time.sleep(0.2)
        streams: dict[Request, Page] = {}
        with browser.new_context(locale="en-US") as context:
            context.on("request", lambda request: _is_stream(request) and streams.update({request: request.frame.page}))
            context.on("requestfailed", lambda request: streams.pop(request, None))
            context.on("requestfinished", lambda request: streams.pop(request, None))
            tabs = [context.new_page() for _ in range(TABS)]
            for tab in tabs:
                tab.goto(f"{server}/logs/{log}")
            for tab in tabs:
                expect(tab.get_by_role("region", name=re.compile("^Log "))).to_contain_text("step")
            [holder] = _holders(streams)

            holder.close()
            tabs.remove(holder)
            tabs[0].goto(f"{server}/runs/{run['id']}")
            tabs[0].get_by_role("button", name="Cancel").click()
            for tab in tabs[1:]:
                entry = tab.get_by_role("navigation", name="Logs").locator("[aria-current=page]")
                expect(entry.get_by_text("Cancelled", exact=True)).to_be_visible()
                expect(tab.get_by_role("region", name=re.compile("^Log "))).to_contain_text("Cancelled.")
            assert len(_holders(streams)) == 1
    finally:
        httpx.post(f"{url}/cancel", timeout=60)


def _holders(streams: dict[Request, Page]) -> list[Page]:
    return [page for page in streams.values() if not page.is_closed()]


def _is_stream(request: Request) -> bool:
    return "/api/v1/events" in request.url
