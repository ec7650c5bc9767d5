"""The pages of `distill view` in a real browser: search and filter by hand, by keys, on a phone, without scripts."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import view_runs
from browser import DESK, PHONE, browser, opened, shows
from test_view_server import at

from distill.view.sources import Looked
from distill.view.static import write_pages


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    return view_runs.seen(tmp_path_factory.mktemp("runs"), str(tiny_model))


@pytest.fixture(scope="module")
def address(run: Path) -> Iterator[str]:
    with view_runs.served_once_read(run) as found:
        yield found


def pages_of(run: Path) -> list[str]:
    place = at(run, "held-3/0", "evaluation/held_out/student.samples.jsonl")
    hostile = at(run, "train-1/1")
    return [
        "",
        "?q=then&verdict=wrong&who=student",
        f"trace?source=held_out/student&at={place}&i=3",
        f"trace?source=traces/teacher&at={hostile}",
        f"tokens?source=traces/teacher&at={hostile}",
        "?verdict=nonsense",
    ]


def test_every_page_fits_a_phone_and_asks_for_nothing_from_elsewhere(chromium: Any, address: str, run: Path) -> None:
    for target in pages_of(run):
        with opened(chromium, address + target, PHONE) as seen:
            expected = "status of 400" if "nonsense" in target else None
            assert [error for error in seen.errors if expected is None or expected not in error] == [], target
            assert seen.overflow() <= 0, target
            assert all(url.startswith(address) for url in seen.fetched), seen.fetched


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_what_is_behind_it(dark: bool, chromium: Any, address: str, run: Path) -> None:
    for target in pages_of(run)[1:5]:
        with opened(chromium, address + target, DESK, dark) as seen:
            low = {text: ratio for text, ratio in seen.contrasts("main *, header *").items() if ratio < 4.5}
            assert not low, target


@pytest.mark.parametrize("scripts", [True, False])
def test_filter_and_search_by_hand(scripts: bool, chromium: Any, address: str) -> None:
    with opened(chromium, address, java_script_enabled=scripts) as seen:
        page = seen.page
        page.get_by_text("Filter", exact=True).first.click()
        page.locator("select[name=verdict]").select_option("wrong")
        page.locator("select[name=who]").select_option("student")
        page.get_by_label("Tokens, at most").fill("5")
        page.get_by_role("button", name="Filter").click()
        shows(page.locator("h2.count"), "3 traces")
        shows(page.locator("ol.traces .badge"), ["wrong"] * 3)
        page.locator("input[name=q]").fill("held-3 \\FRAC{1}")
        page.get_by_role("button", name="Search").click()
        shows(page.locator("h2.count"), "1 trace")
        shows(page.locator("mark"), "held-3 \\frac{1}")
        page.get_by_label("Without verdict").click()
        page.locator("a.title").click()
        shows(page.locator("section.column h2"), ["base open", "student this trace", "teacher open"])
        page.locator("details[open] mark").first.wait_for()
        assert not seen.errors


def test_reasoning_is_folded(chromium: Any, address: str, run: Path) -> None:
    place = at(run, "train-2/0")
    with opened(chromium, f"{address}trace?source=traces/teacher&at={place}") as seen:
        text = seen.page.locator(".column.this details pre")
        assert not text.is_visible()
        seen.page.locator(".column.this summary").click()
        text.wait_for()


def test_keys(chromium: Any, address: str) -> None:
    with opened(chromium, address) as seen:
        page, keys = seen.page, seen.page.keyboard
        for key in "jjk":
            keys.press(key)
        assert page.evaluate("document.activeElement.textContent") == page.locator("a.title").first.inner_text()
        keys.press("j")
        keys.press("Enter")
        page.wait_for_url("**/trace**")
        shows(page.locator("nav.pages span"), "2 of 116")
        page.wait_for_load_state()
        keys.press("j")
        shows(page.locator("nav.pages span"), "3 of 116")
        page.wait_for_load_state()
        keys.press("o")
        assert page.locator("details[open]").count() == page.locator("details").count() > 0
        keys.press("u")
        shows(page.locator("h2.count"), "116 traces")
        page.wait_for_load_state()
        keys.press("/")
        keys.type("jnp")
        assert page.locator("input[name=q]").input_value() == "jnp"
        keys.press("Tab")
        keys.press("n")  # a letter in a list of choices is not a command
        assert "page" not in page.url


def test_a_hostile_trace_stays_text(chromium: Any, address: str, run: Path) -> None:
    with opened(chromium, f"{address}trace?source=traces/teacher&at={at(run, 'train-1/1')}") as seen:
        seen.page.on("dialog", lambda dialog: seen.errors.append("a dialog"))
        seen.page.locator(".column.this summary").click()
        shown = seen.page.locator(".column.this details pre")
        assert "<script>document.title='taken'</script><img src=x onerror=alert(1)>" in shown.inner_text()
        assert seen.page.title() == "train-1/1: teacher"
        assert seen.page.locator("main script, main img").count() == 0
        assert shown.locator(".unseen").all_inner_texts() == ["ESC", "ESC", "U+202E", "U+202C", "U+200B", "U+0007"]
        assert not seen.errors


def test_pages_that_are_files(chromium: Any, run: Path, tmp_path: Path) -> None:
    folder, _ = write_pages(Looked(run, "seen"), tmp_path / "shared", 60)
    with opened(chromium, folder / "index.html", PHONE) as seen:
        page = seen.page
        page.locator("table.glance tr").nth(1).locator("a").last.click()
        page.get_by_role("link", name="next").click()
        shows(page.locator("nav.pages"), re.compile("page 2 of 2"))
        page.wait_for_load_state()
        assert seen.overflow() <= 0
        page.locator("a.title").last.click()
        shows(page.locator("section.column h2").first, "teacher")
        page.get_by_role("link", name="previous").click()
        shows(page.locator("nav.pages span"), "59 of 60")
        page.locator("header.top a").first.click()
        shows(page.locator("main"), re.compile("distill view RUN"))
        page.wait_for_load_state()
        assert page.evaluate("getComputedStyle(document.querySelector('th')).fontWeight") == "600", "styles are let in"
        assert not seen.errors
        assert all(url.startswith(("file://", "data:")) for url in seen.fetched)
