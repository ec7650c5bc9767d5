"""Runs as `distill view` finds them, written by the project's own classes, with little in them and all of its cases."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distill.files import Log, write_atomically
from distill.problems import write_problems
from distill.recipe import Recipe
from distill.records import Problem, Sampling, Trace, Verdict
from distill.run import dump_recipe
from distill.view.filter import Filter
from distill.view.follow import Follower
from distill.view.index import Index
from distill.view.list import Lists
from distill.view.server import serve
from distill.view.sources import Looked

HOSTILE = (
    "</pre></script><script>document.title='taken'</script><img src=x onerror=alert(1)> "
    "\x1b[31mred\x1b[0m \u202etxt.exe\u202c {{ 7*7 }} \u200bzero\x07 &lt; 'q' \"Q\""
)
"""Markup, terminal escapes, a direction turned, a template, letters without width."""

TOPICS = ("algebra", "geometry", "counting")


def problem(number: int, held_out: bool = False) -> Problem:
    return Problem(
        id=f"{'held' if held_out else 'train'}-{number}",
        question=f"What is {number} plus {number + 1}? It is said that naïve guessers say Ёлка.",
        answer=str(2 * number + 1),
        kind="number",
        known={"subject": TOPICS[number % 3], "level": number % 5},
        source="made",
        licence="MIT",
        held_out=held_out,
    )


def trace(asked: Problem, index: int, who: str, text: str = "", tokens: int = 10) -> Trace:
    return Trace(
        id=f"{asked.id}/{index}",
        problem_id=asked.id,
        request=f"{who}-{asked.id}-{index}",
        reasoning=f'I add {asked.id} \\frac{{1}}{{2}}.\nThen "check" it. {text}',
        response=f"The answer is {asked.answer}, says the {who}.",
        finish_reason="stop" if tokens < 40 else "length",
        prompt_tokens=5,
        completion_tokens=tokens,
        model=f"model of {who}",
        sampling=Sampling(seed=index),
    )


def verdict(of: Trace, name: str, **more: Any) -> Verdict:
    reason = {"correct": "equal", "wrong": "another value", "unknown": "timed out"}[name]
    return Verdict.model_validate(
        {"trace_id": of.id, "verdict": name, "extracted": "7", "reason": reason, "kind": "number"} | more
    )


def append(at: Path, traces: list[Trace], verdicts: list[Verdict], who: str = "") -> None:
    at.mkdir(parents=True, exist_ok=True)
    Log(at / f"{who}samples.jsonl").append(traces)
    Log(at / f"{who}verdicts.jsonl").append(verdicts)


def made_run(folder: Path, recipe: Recipe, train: int = 40, held: int = 12) -> Path:
    """Two traces of each training problem, and base, student and teacher on the held-out ones."""
    write_atomically(folder / "recipe.yaml", dump_recipe(recipe))
    asked = [problem(n) for n in range(train)] + [problem(n, held_out=True) for n in range(held)]
    write_problems(folder / "problems.parquet", asked)
    names = ("correct", "correct", "wrong", "unknown")
    taught = [trace(p, i, "teacher", tokens=10 + n % 50) for n, p in enumerate(asked[:train]) for i in (0, 1)]
    taught[3] = trace(asked[1], 1, "teacher", HOSTILE)
    told = [verdict(t, names[n % 4], flaw="too long" if n % 8 == 1 else None) for n, t in enumerate(taught)]
    told.append(verdict(taught[3], "correct", by="judge", judge="a larger model"))
    append(folder / "traces", taught, told[:-4])  # the last three are not judged yet
    Log(folder / "traces" / "verdicts.jsonl").append(told[-1:])
    for who, right in (("base", 5), ("student", 2), ("teacher", 1)):
        answers = [trace(p, 0, who, tokens=n) for n, p in enumerate(asked[train:])]
        judged = [
            verdict(t, "wrong" if n % right or (right == 5 and n < 5) else "correct") for n, t in enumerate(answers)
        ]
        append(folder / "evaluation" / "held_out", answers, judged, f"{who}.")
    return folder


def read(folder: Path) -> tuple[Lists, Follower]:
    """A run as it is read into an index, at once."""
    index = Index()
    follower = Follower(Looked(folder, folder.name), index)
    follower.read_all()
    return Lists(index, follower), follower


@contextmanager
def served(looked: Looked) -> Iterator[str]:
    """The address of the pages, as they are served."""
    with serve(looked, 0) as (server, address):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield address
        finally:
            server.shutdown()
            thread.join()


def get(address: str, target: str = "/", method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and text of an answer; the target is sent as it is."""
    client = http.client.HTTPConnection(address.removeprefix("http://").rstrip("/"), timeout=60)
    try:
        client.putrequest(method, target, skip_host="Host" in headers)
        for name, value in headers.items():
            client.putheader(name, value)
        client.endheaders()
        answer = client.getresponse()
        return answer.status, dict(answer.headers), answer.read().decode()
    finally:
        client.close()


def names(lists: Lists, wanted: Filter) -> list[tuple[str, str]]:
    """All that is listed, page after page."""
    found, page = [], 7
    while True:
        rows = lists.rows(wanted, len(found), page).rows
        found += [(row.who, row.id) for row in rows]
        if len(rows) < page:
            return found


def seen(folder: Path, student: str) -> Path:
    """A made run of a recipe with this student."""
    told = {"name": "seen", "problems": {"source": "countdown"}, "teacher": {"kind": "program"}}
    return made_run(folder / "seen", Recipe.model_validate(told | {"student": {"model": student}}))


@contextmanager
def served_once_read(run: Path) -> Iterator[str]:
    """The address of its pages, when all traces are listed."""
    with served(Looked(run, "seen")) as address:
        while "Being read" in get(address)[2]:
            time.sleep(0.01)
        yield address
