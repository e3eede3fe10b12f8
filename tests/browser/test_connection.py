"""The server goes and comes again, the device loses its network, the page is loaded anew: nothing is lost, and the page says how it is."""

import re
import signal
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import APIResponse, Browser, Route, expect
from tests.browser.conftest import long_run
from tests.conftest import serving

pytestmark = pytest.mark.timeout(400)  # s: two starts of a server


def test_a_lost_server_is_told_and_found_again(browser: Browser, tmp_path: Path) -> None:
    with browser.new_context(locale="en-US") as context:
        page = context.new_page()
        away = page.get_by_role("status").filter(has_text="The server is away.")
        with serving(tmp_path) as (address, process):
            run = long_run(address, "outlives")
            page.goto(f"{address}/runs/{run['id']}")
            expect(page.get_by_text("Running", exact=True)).to_be_visible()
            page.evaluate("window.stayed = true")
            process.send_signal(signal.SIGKILL)
            process.wait()
            expect(away).to_be_visible()
            expect(page.get_by_text("Running", exact=True)).to_be_visible()  # what was there can still be read
        with serving(tmp_path, urlsplit(address).port or 0):
            expect(away).to_have_count(0)
            assert page.evaluate("window.stayed")
            step = httpx.get(f"{address}/api/v1/training-runs/{run['id']}").json()["step"]
            expect(page.get_by_text(f"{step + 1:,} / 100,000").or_(page.get_by_text("/ 100,000")).first).to_be_visible()

            page.reload()  # in the middle of it
            expect(page.get_by_text("Running", exact=True)).to_be_visible()
            context.set_offline(True)
            expect(page.get_by_role("status").filter(has_text="This device is offline.")).to_be_visible()
            late: list[tuple[Route, APIResponse]] = []
            page.route(re.compile(rf"/training-runs/{run['id']}$"), lambda route: late.append((route, route.fetch())), times=1)
            context.set_offline(False)
            expect(page.get_by_role("status").filter(has_text="This device is offline.")).to_have_count(0)
            while not late:  # the page is back, and asks how the run is
                page.wait_for_timeout(50)
            [(route, answer)] = late
            page.get_by_role("button", name="Cancel").click()
            expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
            assert answer.json()["status"] == "running"
            with page.expect_event("requestfinished", lambda request: request == route.request):
                route.fulfill(response=answer)
            page.wait_for_timeout(500)  # ms in which nothing may happen
            expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
