"""Pages in a real browser: playwright with Debian's chromium; tests skip where either is absent.

`playwright install` is not needed, and nothing is fetched: a page that asks for anything beyond its own file or the
loopback server is told.
"""

import importlib.util
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

PHONE, DESK = (390, 844), (1280, 900)
"""Width and height in CSS pixels."""


def chromium() -> str | None:
    """Where it lies; None where it, or playwright, is not there."""
    if importlib.util.find_spec("playwright") is None:
        return None
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browser() -> Iterator["Browser"]:
    """A headless browser; one serves many pages. Skips the test where there is none."""
    path = chromium()
    if path is None:
        pytest.skip("no browser (pip install playwright; apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield started
        finally:
            started.close()


@dataclass
class Seen:
    """A page, and what went wrong on it so far."""

    page: "Page"
    errors: list[str] = field(default_factory=list)
    """What the console says above the level of information, and what a script threw."""
    fetched: list[str] = field(default_factory=list)
    """Addresses that the page asked for."""

    def overflow(self) -> float:
        """CSS pixels by which the page is wider than the screen."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return float(self.page.evaluate(script))

    def contrasts(self, selector: str) -> dict[str, float]:
        """The least contrast of text to what lies behind it (WCAG 2.1), by text, of what can be seen."""
        found: dict[str, float] = self.page.evaluate(_CONTRASTS, selector)
        return found


@contextmanager
def opened(
    browser: "Browser", address: str | Path, size: tuple[int, int] = DESK, dark: bool = False, **options: Any
) -> Iterator[Seen]:
    """A file or an address in a fresh context; `options` are playwright's, such as `java_script_enabled=False`."""
    target = address if isinstance(address, str) else address.resolve().as_uri()
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light", **options
    )
    page = context.new_page()
    seen = Seen(page)
    page.on("console", lambda m: seen.errors.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: seen.errors.append(str(e)))
    page.on("request", lambda r: seen.fetched.append(r.url))
    try:
        page.goto(target)
        yield seen
    finally:
        context.close()


def shows(where: "Locator", text: str | list[str] | re.Pattern[str]) -> None:
    """Waits until it reads so: a click only starts to load the next page, and texts read at once are the old page's."""
    from playwright.sync_api import expect

    expect(where).to_have_text(text, use_inner_text=True)


_CONTRASTS = """selector => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const linear = v => v <= .03928 * 255 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
  const light = c => .2126 * linear(c[0]) + .7152 * linear(c[1]) + .0722 * linear(c[2]);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const found = {};
  for (const e of document.querySelectorAll(selector)) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const box = e.getBoundingClientRect();
    if (!own || !box.width || !box.height) continue;
    const style = getComputedStyle(e), ink = rgb(e instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05), key = e.tagName + ' ' + e.textContent.trim().slice(0, 40);
    found[key] = Math.min(found[key] ?? 99, ratio);
  }
  return found;
}"""
