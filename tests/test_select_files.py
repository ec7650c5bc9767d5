"""Curation of files: the same rows from jsonl and parquet, from one process, several and Ray; what is refused."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk
from stub_server import StubServer, answer
from test_replicas import needs_ray, ray_folder  # noqa: F401
from trace_files import COLUMNS, made, trace_files, written

from distill import ray_cluster
from distill.cli import main
from distill.curate.select_files import select_files
from distill.curate.traces import engines
from distill.curate.traces.engines import measure
from distill.curate.traces.published_traces import PublishedTraces
from distill.errors import Refused
from distill.recipe_curate import Curate
from distill.recipe_prompts import Prompt

KEYS: dict[str, Any] = {"select": "s1", "rows": 20}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return trace_files(tmp_path)


def chosen(files: tuple[Path, ...], out: Path, verify: str | None = None, **keys: Any) -> list[dict[str, Any]]:
    select_files(files, out, Curate(**{**KEYS, **keys}), COLUMNS, Prompt(), 3, verify=verify)
    rows: list[dict[str, Any]] = load_from_disk(out).to_list()
    return [{k: v for k, v in row.items() if k not in ("source", "file", "row")} for row in rows]


def test_the_same_rows_whatever_the_format_and_however_it_is_cut(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines, table = files
    whole = chosen((lines,), tmp_path / "a")
    assert len(whole) == 20
    assert whole == chosen((table,), tmp_path / "b")
    monkeypatch.setattr(engines, "SHARD", 2000)
    assert len(PublishedTraces((lines,), COLUMNS).shards(2000)) > 10
    assert whole == chosen((lines,), tmp_path / "c")
    assert whole == chosen((table,), tmp_path / "d", workers=2)


def test_two_files_are_as_one(files: tuple[Path, Path], tmp_path: Path) -> None:
    rows = files[0].read_text().splitlines(keepends=True)
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    first.write_text("".join(rows[120:]))
    second.write_text("".join(rows[:120]))
    assert chosen(files[:1], tmp_path / "a") == chosen((first, second), tmp_path / "b")


@needs_ray
def test_the_same_rows_under_ray(
    files: tuple[Path, Path],
    ray_folder: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(ray_folder))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    whole = chosen(files[1:], tmp_path / "a")
    packed = tmp_path / "t.jsonl.gz"
    rows = [row | {"answer": row["attempt"].split()[-1].rstrip(".")} for row in made(30)]
    packed.write_bytes(gzip.compress(written(tmp_path / "golds.jsonl", rows).read_bytes()))
    judged = chosen((packed,), tmp_path / "c", rows=5, verify="math")
    assert {row["verdict_by"] for row in judged} == {"rules"}
    monkeypatch.setattr(engines, "SHARD", 4000)
    try:
        assert whole == chosen(files[1:], tmp_path / "b", engine="ray")
        assert judged == chosen((packed,), tmp_path / "d", rows=5, verify="math", engine="ray")
    finally:
        ray_cluster.leave()


def test_rows_are_whole_and_only_correct_ones(files: tuple[Path, Path], tmp_path: Path) -> None:
    rows = chosen(files[:1], tmp_path / "a", select="all", rows=None, traces_per_problem=None)
    right = {(r["question"], r["thinking_trajectory"]) for r in made() if r["verdict"] == "correct"}
    assert {(row["question"], row["completion"].split("\n")[1]) for row in rows} == right
    assert {row["selected_because"] for row in rows} == {"all are taken"}


def test_columns_hold_what_each_trace_has(files: tuple[Path, Path]) -> None:
    columns = measure(PublishedTraces(files[:1], COLUMNS))
    assert len(columns) == 200
    assert columns.reasons == {
        "correct: ": sum(r["verdict"] == "correct" for r in made()),
        "wrong: ": sum(r["verdict"] == "wrong" for r in made()),
    }
    lengths = [(len(r["thinking_trajectory"]) + len(r["attempt"])) // 4 for r in made()]
    assert columns["tokens"].tolist() == lengths


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"rows": 500}, "curate.rows=500 asks for more rows than are left: 56."),
        ({"evaluation_sets": ["nowhere.jsonl"]}, "nowhere.jsonl"),
        ({"evaluation_sets": ["EMPTY"]}, "in curate.evaluation_sets holds no question"),
    ],
)
def test_what_is_refused_leaves_nothing(
    files: tuple[Path, Path], tmp_path: Path, keys: dict[str, Any], said: str
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    if "EMPTY" in keys.get("evaluation_sets", []):
        keys = {"evaluation_sets": [str(empty)]}
    with pytest.raises(Refused, match=said.replace(".", r"\.")):
        chosen(files[:1], tmp_path / "out", **keys)
    assert not [p for p in tmp_path.iterdir() if "out" in p.name]


def test_fewer_rows_where_that_is_accepted(files: tuple[Path, Path], tmp_path: Path) -> None:
    assert len(chosen(files[:1], tmp_path / "a", rows=500, fill="less")) == 56


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.jsonl"], "there is no file 'nowhere.jsonl'"),
        (["t.jsonl", "select=best"], "select"),
        (["t.jsonl", "select=s1"], "set rows (s1K has 1000)"),
        (["t.csv"], "neither .jsonl nor .parquet"),
        (["torn.parquet"], "torn.parquet cannot be read as parquet"),
        (["latin.jsonl"], "is no text in UTF-8"),
        (["broken.jsonl"], "is not readable as JSON"),
        (["strange.jsonl"], "of no layout that is known"),
        (["none.jsonl"], "none.jsonl holds no traces"),
        (["t.jsonl", "--out", "t.jsonl"], "holds no curated set"),
        (["t.jsonl", "--out", "a/b/c"], "there is no folder a/b for c"),
        ([], "no file with traces is named"),
    ],
)
def test_bad_input_is_a_sentence(
    files: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("a,b\n")
    Path("torn.parquet").write_bytes(files[1].read_bytes()[:300])
    Path("latin.jsonl").write_bytes(files[0].read_bytes() + '{"question": "ü"}\n'.encode("latin-1"))
    Path("broken.jsonl").write_text(files[0].read_text() + "{\n")
    Path("strange.jsonl").write_text('{"a": 1}\n')
    Path("none.jsonl").write_text("")
    before = {p.name for p in tmp_path.iterdir()}
    out = [] if "--out" in words else ["--out", "out"]
    monkeypatch.setattr("sys.argv", ["distill", "select", *(words or ["select=all"]), *out])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    assert (ended.value.code, "Traceback" in told.err) == (2, False)
    assert said in told.err
    assert {p.name for p in tmp_path.iterdir()} == before


def test_domains_by_a_model_are_paid_for_once(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with StubServer(lambda body, number: answer(f"It is this.\nCode: {(11, 60)[number % 2]}")) as server:
        words = [
            *(str(files[0]), "select=s1", "rows=20", "domains.by=judge", "domains.judge.model=wise", "--out", str(out)),
            f"domains.judge.base_urls=[{server.url}]",
        ]
        for _ in range(2):
            with pytest.raises(SystemExit, match="0"):
                main(["select", *words])
            asked = len(server.bodies)
            assert {json.loads(row["scores"])["domain"] for row in load_from_disk(out)} == {"11", "60"}
        assert asked == len({body["messages"][-1]["content"] for body in server.bodies})
        assert {body["max_tokens"] for body in server.bodies} == {512}
    with pytest.raises(SystemExit, match="1"):
        main(["select", *words, "domains.judge.max_tokens=9", "domains.judge.max_retries=0"])
    assert "the judge of domains: " in capsys.readouterr().err, "the server is gone"
    assert len(load_from_disk(out)) == 20
