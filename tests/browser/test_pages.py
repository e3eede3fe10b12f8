"""Every page that has an address: no barrier in either theme, nothing cut off on the smallest phone.

The addresses are read from the page's own list of routes, so that a new page is looked at unasked; it has to be given an example here.
"""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import barriers, trained

APP = Path(__file__).parents[2] / "frontend" / "src" / "app.tsx"
ROUTES = re.findall(r'<Route path="([^"]+)"', APP.read_text())
LONGEST = "a-name-as-long-as-names-may-be-" * 2 + "xx"  # stands wherever runs and models are listed or offered

pytestmark = pytest.mark.timeout(600)  # s: all pages, one after the other


def addresses(server: str) -> list[str]:
    """One of each route and, where a part may be left out, one without it; and one that is not there."""
    trained(server, LONGEST, architecture="dcgan")
    trained(server, "looked-at", architecture="dcgan")
    with httpx.Client(base_url=server, timeout=120) as client:
        run = client.get("/api/v1/training-runs").json()["items"][0]
        picture = client.post("/api/v1/models/looked-at/versions/latest/images", json={"seed": 1}, headers={"Accept": "image/png"}).content
        content = client.post("/api/v1/pictures", files={"file": ("a.png", picture)}).raise_for_status().json()["id"]
        body = {"content": content, "styles": [{"picture": "woodcut"}], "hyperparameters": {"size": 64}}
        transfer = client.post("/api/v1/style-transfers", json=body).raise_for_status().json()
    examples = {
        "/runs/:id": [f"/runs/{run['id']}"],
        "/style/:id": [f"/style/{transfer['id']}"],
        "/datasets/:name": ["/datasets/shapes"],
        "/metrics/:view?": ["/metrics", "/metrics/training", "/metrics/compare"],
        "/logs/:name?": ["/logs", f"/logs/{run['log']}"],
        "/models/:name": ["/models/looked-at"],
        "/models/:name/:version": ["/models/looked-at/1"],
    }
    assert [route for route in ROUTES if ":" in route and route not in examples] == [], "give the new pages an example"
    return [path for route in ROUTES for path in examples.get(route, [route])] + ["/nowhere"]


def test_every_page_is_open_to_everybody(page: Page, server: str, axe: str) -> None:
    found: dict[str, list[str]] = {}
    for path in addresses(server):
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(server + path)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        expect(page).to_have_title(re.compile("Atelier"))
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found[f"{path}, {theme}"] = barriers(page, axe)
        page.emulate_media(color_scheme="light")
        page.set_viewport_size({"width": 360, "height": 740})
        wide = page.evaluate("document.documentElement.scrollWidth")
        found[f"{path}, phone"] = [f"{wide} px wide"] if wide > 360 else []
    assert {where: what for where, what in found.items() if what} == {}
