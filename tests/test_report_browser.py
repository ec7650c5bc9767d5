"""The page of a run in a real browser: on a desk and on a phone, light and dark, by keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import DESK, PHONE, Seen, browser, opened
from made_runs import Size, made_run
from test_report import hostile_run

from distill.problems import each_problem, write_problems
from distill.report.page import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NARROW = (320, 640)
"""What a page must fit into without scrolling sideways (WCAG 2.1, 1.4.10)."""

OPEN_ALL = "document.querySelectorAll('details').forEach(d => d.open = true)"


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    size = Size(traces=400, held_out=30, k=4, models=("base", "sft", "student", "teacher"))
    return write_report(made_run(tmp_path_factory.mktemp("made") / "run", size))


@pytest.fixture(scope="module", params=["desk", "desk, dark", "phone", "phone, dark"])
def seen(request: pytest.FixtureRequest, chromium: "Browser", page: Path) -> Iterator[Seen]:
    """The page with everything unfolded."""
    size = DESK if request.param.startswith("desk") else PHONE
    with opened(chromium, page, size, dark=request.param.endswith("dark")) as shown:
        shown.page.evaluate(OPEN_ALL)
        yield shown


def test_it_opens_from_disk_and_asks_for_nothing_else(seen: Seen, page: Path) -> None:
    assert seen.errors == []
    assert seen.fetched == [page.as_uri()]
    assert seen.page.title() == "made: report"


def test_nothing_is_wider_than_the_screen(seen: Seen) -> None:
    assert seen.overflow() == 0
    seen.page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
    assert seen.overflow() == 0
    seen.page.set_viewport_size({"width": 390, "height": 844})


def test_every_text_stands_out(seen: Seen) -> None:
    contrasts = seen.contrasts("*")
    assert len(contrasts) > 200
    assert {text: ratio for text, ratio in contrasts.items() if ratio < 4.5} == {}


_MARKS = """() => {
  const linear = v => v <= .03928 * 255 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
  const light = c => .2126 * linear(c[0]) + .7152 * linear(c[1]) + .0722 * linear(c[2]);
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const paper = light(rgb(getComputedStyle(document.body).backgroundColor));
  return [...document.querySelectorAll('.bar, .mark, .whisker, td.b rect')].map(e => {
    const style = getComputedStyle(e), hollow = e.matches('.hollow, .whisker');
    const [a, b] = [light(rgb(hollow ? style.stroke : style.fill)), paper].sort((x, y) => y - x);
    return (a + .05) / (b + .05);
  });
}"""


def test_bars_and_marks_stand_out(seen: Seen) -> None:
    ratios: list[float] = seen.page.evaluate(_MARKS)
    assert len(ratios) > 100
    assert min(ratios) >= 3


_SCROLLS = """() => [...document.querySelectorAll('pre, .scroll')].filter(
  e => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1
).map(e => getComputedStyle(e).backgroundAttachment)"""


def test_where_a_text_goes_on_a_shade_tells(seen: Seen) -> None:
    """What is drawn over the shade goes with the text, so that it shows until the end is reached."""
    attached: list[str] = seen.page.evaluate(_SCROLLS)
    assert len(attached) > 4
    assert all(a.startswith("local, local, scroll, scroll") for a in attached), attached


_FIGURES = """() => [...document.querySelectorAll('figure')].map(f => ({
  title: f.querySelector('h3').textContent,
  wide: f.getBoundingClientRect().width,
  high: f.getBoundingClientRect().height,
  shapes: f.querySelectorAll('svg rect, svg path, svg circle, tbody td').length,
  said: f.querySelector('figcaption').textContent.trim().length,
  unnamed: [...f.querySelectorAll('svg:not([aria-hidden])')].filter(s => !s.getAttribute('aria-label')).length,
}))"""


def test_every_figure_is_there_and_not_empty(seen: Seen) -> None:
    figures: list[dict[str, Any]] = seen.page.evaluate(_FIGURES)
    assert len(figures) == 18
    for figure in figures:
        assert figure["wide"] > 250, figure
        assert figure["high"] > 80, figure
        assert figure["shapes"] >= 4, figure
        assert figure["said"] > 40, figure
        assert figure["unnamed"] == 0, figure


_LETTERS = """() => [...document.querySelectorAll('figure svg[role=img]')].flatMap(svg => {
  const frame = svg.getBoundingClientRect(), texts = [...svg.querySelectorAll('text')];
  const boxes = texts.map(t => t.getBoundingClientRect());
  const found = [];
  boxes.forEach((b, i) => {
    const what = svg.getAttribute('aria-label').slice(0, 30) + ': ' + texts[i].textContent;
    const out = Math.max(frame.left - b.left, b.right - frame.right, b.bottom - frame.bottom);
    if (out > 2) found.push('outside ' + what);
    if (b.height < 11) found.push('small ' + what);
    boxes.slice(0, i).forEach((c, j) => {
      const across = Math.min(b.right, c.right) - Math.max(b.left, c.left);
      const down = Math.min(b.bottom, c.bottom) - Math.max(b.top, c.top);
      if (across > 1 && down > 4) found.push(`over ${texts[j].textContent} ` + what);
    });
  });
  return found;
})"""


def test_letters_of_pictures_are_readable_and_apart(seen: Seen) -> None:
    assert seen.page.evaluate(_LETTERS) == []


def test_by_keyboard(chromium: "Browser", page: Path) -> None:
    with opened(chromium, page) as seen:
        keyboard = seen.page.keyboard
        keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.className") == "skip"
        keyboard.press("Enter")
        seen.page.wait_for_url("**#worked")
        summary = seen.page.locator("summary", has_text="Why answers were not correct")
        summary.focus()
        assert not seen.page.get_by_text("cut at max_tokens").first.is_visible()
        keyboard.press("Enter")
        seen.page.get_by_text("cut at max_tokens").first.wait_for()
        script = "getComputedStyle(document.activeElement).outlineStyle"
        assert seen.page.evaluate(script) != "none"


def test_texts_of_models_do_nothing(chromium: "Browser", tmp_path: Path) -> None:
    page = write_report(hostile_run(tmp_path / "run"))
    with opened(chromium, page, PHONE) as seen:
        seen.page.evaluate(OPEN_ALL)
        assert seen.errors == []
        assert seen.fetched == [page.as_uri()]
        assert seen.page.locator("script, img").count() == 0
        assert seen.overflow() == 0
        assert "red" in seen.page.inner_text("main")


def test_a_name_without_a_place_to_break_is_broken(chromium: "Browser", tmp_path: Path) -> None:
    """Data sets call problems by digests; one of 64 letters is wider than a phone."""
    run = made_run(tmp_path / "run", Size(traces=8, held_out=4, k=1, steps=3))
    for part in [*run.glob("traces/*.jsonl"), *run.glob("evaluation/*/*.jsonl")]:
        part.write_text(part.read_text().replace('"made-', f'"{"8d" * 32}'))
    for file in (run / "problems.parquet", run / "evaluation" / "held_out" / "problems.parquet"):
        write_problems(
            file, [p.model_copy(update={"id": p.id.replace("made-", "8d" * 32)}) for p in each_problem(file)]
        )
    with opened(chromium, write_report(run), PHONE) as seen:
        seen.page.evaluate(OPEN_ALL)
        assert "8d" * 32 in seen.page.inner_text("main")
        assert seen.overflow() == 0
