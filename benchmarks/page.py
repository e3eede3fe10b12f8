"""How fast the page is in a real Chromium: `python benchmarks/page.py [--lines 100000] [first logs]`; about a minute on a quiet machine.

first: Home, with nothing in the browser's cache: first paint with content, and what was read.
logs: a long log, opened, scrolled by the events of a wheel at a hand's speed and from end to end, and searched: how long each takes, and
the time between frames while it is scrolled.
"""

import argparse
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
from conftest import FLAGS, executable

NAME = "stylegan-20260101-101010-123.txt"
VISITS = 5
SECONDS = 6.0  # that one way of scrolling takes
HAND = 3000  # pixels a second of a quick hand: 25 notches of a wheel
EVENTS = 60  # of a wheel a second, as fine wheels and touchpads have them
SLOW = 50  # ms between frames, from which on a movement is seen to halt
PATIENCE = 30_000  # ms, after which what does not come is given up
RECORD = """() => {
  const times = window.frameTimes = [];
  const frame = now => { times.push(now); if (window.frameTimes === times) requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
}"""
RECORDED = "() => { const times = window.frameTimes; window.frameTimes = null; return times; }"


def line(number: int) -> str:
    level = "WARNING" if number % 997 == 0 else "INFO   "
    clock = f"12:{number // 60 % 60:02}:{number % 60:02}"
    return f"{clock} {level} step {number}  generator/loss {number % 7 / 7:.4f}  discriminator/loss 0.6931\n"


@contextmanager
def server(store: Path) -> Iterator[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ATELIER_")}
    command = [sys.executable, "-m", "atelier", "serve", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=store, env=environment | {"ATELIER_STORE_DIR": str(store)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        yield next(found[1] for text in process.stdout if (found := re.search(r"Atelier is at (http://\S+)", text)))
    finally:
        process.terminate()
        process.communicate()


def first(browser: Browser, address: str) -> None:
    paints = []
    for _ in range(VISITS):
        with browser.new_context(locale="en-US", viewport={"width": 1440, "height": 900}) as context:
            page = context.new_page()
            page.goto(address)
            page.get_by_role("heading", level=1).wait_for(timeout=PATIENCE)
            page.wait_for_load_state("load")
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            sizes = page.evaluate(
                "performance.getEntriesByType('resource').filter(r => r.name.includes('/assets/')).map(r => r.encodedBodySize)"
            )
    told = ", ".join(f"{paint:.0f}" for paint in paints)
    print(
        f"first paint with content: median {statistics.median(paints):.0f} ms of {told}; {len(sizes)} files of {sum(sizes) / 1024:.0f} KB"
    )


def logs(browser: Browser, address: str, store: Path, lines: int) -> None:
    file = store / "logs" / NAME
    file.write_text("".join(line(number) for number in range(lines)))
    page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    begun = time.perf_counter()
    page.goto(f"{address}/logs/{NAME}")
    page.get_by_text(f"{lines:,} lines").wait_for()
    print(f"opened: {lines:,} lines, {file.stat().st_size / 1e6:.1f} MB, after {time.perf_counter() - begun:.2f} s")
    log = page.get_by_role("region", name=re.compile("^Log "))
    log.hover()
    height = log.evaluate("element => element.scrollHeight")
    print(f"from end to end: {scrolled(page, log, -height / SECONDS)}")  # it is opened at its end
    print(f"by hand: {scrolled(page, log, HAND)}")
    begun = time.perf_counter()
    page.get_by_role("searchbox").fill("warning")
    page.get_by_text(f"{-(-lines // 997):,} found").wait_for()
    print(f"searched: after {time.perf_counter() - begun:.2f} s")
    print(f"lines in the document: {log.locator('.log-line').count()}")


def scrolled(page: Page, log: Locator, speed: float) -> str:
    """By so many pixels a second; the pointer stands over the log. Events that the page is too slow for become one, as elsewhere."""
    before = log.evaluate("element => element.scrollTop")
    page.evaluate(RECORD)
    begun, events, sent = time.perf_counter(), 0, 0.0
    while (elapsed := time.perf_counter() - begun) < SECONDS:
        if events < elapsed * EVENTS:
            page.mouse.wheel(0, speed * elapsed - sent)
            events, sent = math.ceil(elapsed * EVENTS), speed * elapsed
        else:
            time.sleep(0.001)
    frames = [after - before for before, after in pairwise(page.evaluate(RECORDED))]
    moved = log.evaluate("element => element.scrollTop") - before
    assert abs(moved) > abs(sent) / 2, f"the wheel was turned by {sent} pixels, and the log moved by {moved}"
    p95 = statistics.quantiles(frames, n=20)[-1]
    slow = sum(between > SLOW for between in frames) / len(frames)
    return (
        f"{abs(moved):,.0f} pixels, {len(frames)} frames: "
        f"median {statistics.median(frames):.1f} ms, p95 {p95:.1f} ms, {slow:.1%} over {SLOW} ms"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", help="first, logs")
    parser.add_argument("--lines", type=int, default=100_000)
    asked = parser.parse_args()
    parts = asked.parts or ["first", "logs"]
    print(f"{datetime.now():%Y-%m-%d %H:%M}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    chromium, environment = executable()
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split(), env=environment)
        if "first" in parts:
            first(browser, address)
        if "logs" in parts:
            logs(browser, address, Path(folder), asked.lines)
        browser.close()
