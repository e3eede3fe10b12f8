"""How fast the page is in a real Chromium: `python benchmarks/page.py [--lines 100000] [logs first]`.

logs: a long log, opened, scrolled by hand's speed and from end to end, searched, and followed while it grows: how long each takes, and
the time between frames.
first: Home, from nothing: first paint, and what was read.
"""

import argparse
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
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
from conftest import FLAGS, executable

NAME = "stylegan-20260101-101010-123.txt"
# So many frames, each a step further down: the times between them in milliseconds.
SCROLL = """([step, frames]) => new Promise(done => {
  const log = document.querySelector('.log'), times = []; let before;
  log.scrollTop = 0;
  const frame = now => {
    if (before !== undefined) times.push(now - before);
    before = now; log.scrollTop += step;
    times.length < frames ? requestAnimationFrame(frame) : done(times);
  };
  requestAnimationFrame(frame);
})"""


def line(number: int) -> str:
    level = "WARNING" if number % 997 == 0 else "INFO   "
    clock = f"12:{number // 60 % 60:02}:{number % 60:02}"
    return f"{clock} {level} step {number}  generator/loss {number % 7 / 7:.4f}  discriminator/loss 0.6931\n"


@contextmanager
def server(store: Path) -> Iterator[str]:
    environment = os.environ | {"ATELIER_STORE_DIR": str(store)}
    command = [sys.executable, "-m", "atelier", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        address = next(found[1] for text in process.stdout if (found := re.search(r"Atelier is at (http://\S+)", text)))
        yield address
        process.terminate()


def frames(times: list[float]) -> str:
    slow = sum(between > 34 for between in times)
    p95 = statistics.quantiles(times, n=20)[-1]
    return f"median {statistics.median(times):.1f} ms, p95 {p95:.1f} ms, {slow} of {len(times)} took longer than two of 60 a second"


def logs(page: Page, address: str, store: Path, lines: int) -> None:
    log = store / "logs" / NAME
    log.write_text("".join(line(number) for number in range(lines)))
    begun = time.perf_counter()
    page.goto(f"{address}/logs/{NAME}")
    page.get_by_text(f"{lines:,} lines").wait_for(timeout=120_000)
    print(f"opened: {lines:,} lines, {log.stat().st_size / 1e6:.1f} MB, after {time.perf_counter() - begun:.2f} s")
    for what, step in (("by hand", 90), ("end to end", lines * 24 // 300)):
        print(f"scrolled {what}: {frames(page.evaluate(SCROLL, [step, 300]))}")
    begun = time.perf_counter()
    page.get_by_role("searchbox").fill("warning")
    page.get_by_text(f"{-(-lines // 997):,} found").wait_for()
    print(f"searched: after {time.perf_counter() - begun:.2f} s")
    rows = page.evaluate("document.querySelectorAll('.log-line').length")
    print(f"lines in the document: {rows}")


def first(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_timeout(1000)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    sizes = page.evaluate("performance.getEntriesByType('resource').filter(r => r.name.includes('/assets/')).map(r => r.encodedBodySize)")
    print(f"first paint with content: {paint:.0f} ms; {len(sizes)} files of {sum(sizes) / 1024:.0f} KB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help="logs, first")
    parser.add_argument("--lines", type=int, default=100_000)
    asked = parser.parse_args()
    parts = asked.parts or ["logs", "first"]
    print(f"{datetime.now():%Y-%m-%d %H:%M}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    chromium, environment = executable()
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS.split(), env=environment)
        page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
        if "first" in parts:
            first(page, address)
        if "logs" in parts:
            logs(page, address, Path(folder), asked.lines)
        browser.close()
