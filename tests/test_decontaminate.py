"""Questions of evaluation sets are found however they were reformatted, and boilerplate is no evidence."""

import gzip
import json
import os
import random
import re
import stat
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import refused

from distill.curate.decontamination.decontaminate import Decontaminator
from distill.curate.text.shingles import batch_of, shingles_of, stream_of

EVALUATED = [
    r"Let $S$ be the set of all rational numbers $r=\frac{a}{b}$ with $0 \leq a \leq 144$. Find $m+n$ where $m$ and $n$"
    " are relatively prime positive integers.",
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips did"
    " Natalia sell altogether in April and May?",
    r"Compute $\sin 60^\circ$.",
    r"What is the smallest positive integer $n$ such that $\left(\frac{3}{4}\right)^n < \dfrac{1}{100}$"
    " and $n + 7$ is prime?",
    "A baker puts 17 trays of rolls into an oven that holds 5 trays at once; each load takes 12 minutes. After how many"
    " minutes is the last tray done?",
    "1+1",
    "在一个三角形中，三个内角的比是1:2:3，求最大角的度数。",
    r"Find the area of the region bounded by the graph of $r=\sec\theta$, the graph of $r=\csc\theta$, the $x$-axis,"
    " and the $y$-axis.",
]
FINDER = Decontaminator(EVALUATED)

BOILERPLATE = [
    r"The probability can be written as $\frac{m}{n}$ where $m$ and $n$ are relatively prime positive integers."
    " Find $m+n$.",
    "How many marbles did Tom and Ann buy altogether in June and July, if Tom bought 30 and Ann twice as many?",
    r"Compute $\cos 45^\circ$.",
    "Find the smallest positive integer $n$ such that $n^2 > 5000$.",
    "A painter needs 9 minutes for each board. How many minutes for 14 boards?",
    r"What is $11$?",
    r"Find the volume of the region bounded by $z=x^2+y^2$ and $z=4$.",
]


def found(text: str) -> list[tuple[int, str]]:
    return [(flag.question, flag.match.kind) for flag in FINDER.flags([text])]


def test_questions_without_a_letter_are_found_nowhere() -> None:
    assert Decontaminator([]).flags(["Who?", ""]) == Decontaminator(["?!", " "]).flags(["?!"]) == []


def spaced(text: str) -> str:
    return re.sub(r"([+\-*/=(){}^_<>,])", r" \1 ", text)


def respelled(text: str) -> str:
    text = text.replace(r"\frac", r"\tfrac").replace(r"\left(", "(").replace(r"\right)", ")").replace(r"\leq", r"\le")
    return text.replace("$", r"\(", 1).replace("$", r"\)", 1)


@pytest.mark.parametrize(
    "changed",
    [
        str,
        str.upper,
        spaced,
        respelled,
        lambda text: text.replace(" ", "  \n"),
    ],
    ids=["verbatim", "upper", "spaced", "respelled", "lines"],
)
@pytest.mark.parametrize("number", range(len(EVALUATED)))
def test_a_question_is_found_however_it_is_written(number: int, changed: Callable[[str], str]) -> None:
    assert found(changed(EVALUATED[number])) == [(number, "exact")]


@pytest.mark.parametrize("number", [0, 1, 3, 4, 7])
def test_a_question_is_found_in_a_prompt(number: int) -> None:
    text = f"Solve the following problem.\n\n{EVALUATED[number]}\n\nPut your answer in \\boxed{{}}."
    assert found(text) == [(number, "exact")]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 7])
def test_punctuation_may_be_gone(number: int) -> None:
    bare = "".join(c for c in EVALUATED[number] if c not in string.punctuation)
    assert [number for number, kind in found(bare) if kind != "changed"] == [number]


@pytest.mark.parametrize("text", BOILERPLATE)
def test_boilerplate_is_no_evidence(text: str) -> None:
    assert not [kind for _, kind in found(text) if kind != "changed"]


def test_how_a_question_is_asked_is_no_copy_without_its_symbols() -> None:
    question = r"Find the number of ordered pairs $(u,v)$ of integers such that $|u + vi| \le 7.$"
    text = (
        r"Let $N$ be the number of ordered pairs of integers $(u,v)$ with $3 \leq u \leq 80$ and $v \geq 2$ such that"
        r" the polynomial $x^2-ux+v$ is a square. Find the last digit of $N$."
    )
    others = [f"Find $u$, $v$, $vi$ and $7$ on day {day} of the year." for day in range(8)]
    assert {flag.match.kind for flag in Decontaminator([question, *others]).flags([text])} <= {"changed"}


def test_other_words_are_near_and_other_numbers_changed() -> None:
    baker = EVALUATED[4]
    assert found(baker.replace("baker", "cook").replace("rolls", "buns")) == [(4, "near")]
    other = baker.replace("17", "23").replace("12", "9").replace("5", "4")
    assert found(other) == [(4, "changed")]
    assert found(EVALUATED[3].replace("+ 7", "- 7")) == [(3, "changed")]


def test_a_flag_names_what_is_missing_and_shows_where_it_is() -> None:
    text = "Warm up first. " + EVALUATED[4].replace("oven", "furnace") + " Explain."
    (flag,) = FINDER.flags(["Nothing of the kind.", text])
    assert (flag.row, flag.question, flag.match.missing, flag.match.instead) == (1, 4, ["oven"], ["furnace"])
    assert flag.evidence == EVALUATED[4].replace("oven", "furnace").rstrip("?")
    assert 0.9 < flag.match.share < 1


def test_long_texts_are_looked_at_in_pieces() -> None:
    rng = random.Random(0)
    noise = " ".join(rng.choice(["alpha", "beta", "gamma", "12", "x"]) for _ in range(400_000))
    for at in (0, 1 << 20, len(noise)):
        assert found(f"{noise[:at]} {EVALUATED[1]} {noise[at:]}") == [(1, "exact")]


def test_equal_questions_are_looked_for_once() -> None:
    many = Decontaminator([EVALUATED[1]] * 20 + [EVALUATED[4]])
    assert many.numbers == [0, 20]
    assert [flag.question for flag in many.flags([EVALUATED[1], EVALUATED[4]])] == [0, 20]


def test_what_is_found_does_not_depend_on_what_stands_beside_it() -> None:
    rng = random.Random(1)
    texts = [rng.choice([*EVALUATED, *BOILERPLATE, "", "x", "…", "\ud800"]) for _ in range(60)]
    together = [(flag.row, flag.question, flag.match.share) for flag in FINDER.flags(texts)]
    alone = [(row, f.question, f.match.share) for row, text in enumerate(texts) for f in FINDER.flags([text])]
    assert together == alone


def test_streams_are_letters_and_digits() -> None:
    stream = stream_of(batch_of([r"$\dfrac{1}{2}x \leq \alpha$, No.", "", "π=3"]))
    assert [stream.row(row) for row in range(3)] == [b"12xalphano", b"", b"pi3"]
    assert not len(shingles_of(stream_of(batch_of(["", "short"]))).hashes)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    rows = [{"id": at, "problem": text} for at, text in enumerate([*BOILERPLATE, EVALUATED[1].upper(), ""])]
    return {
        "file": write(tmp_path / "train.jsonl", rows),
        "against": write(tmp_path / "eval.jsonl", [{"question": text, "answer": "1"} for text in EVALUATED]),
        "out": tmp_path / "clean.jsonl",
        "flagged": tmp_path / "flagged.jsonl",
    }


def command(distill: Any, files: dict[str, Path], *more: Any) -> Any:
    options = [part for key in ("against", "out", "flagged") for part in (f"--{key}", files[key])]
    return distill("decontaminate", files["file"], *options, *more)


def test_the_command_keeps_what_is_clean_as_it_is(distill: Any, files: dict[str, Path]) -> None:
    said = command(distill, files)
    assert said.code == 0, said
    lines = files["file"].read_text().splitlines(keepends=True)
    assert files["out"].read_text() == "".join(lines[: len(BOILERPLATE)] + lines[-1:])
    flags = [json.loads(line) for line in files["flagged"].read_text().splitlines()]
    (flag,) = [flag for flag in flags if flag["kind"] != "changed"]
    assert (flag["row"], flag["kind"], flag["against"], flag["against_row"]) == (8, "exact", "eval.jsonl", 2)
    assert "8 of 9 rows kept" in said.out
    assert "1  without text (kept)" in said.out


def test_the_command_reads_tables_chats_and_packed_files(distill: Any, files: dict[str, Path], tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    chats = [[{"role": "user", "content": text}, {"role": "assistant", "content": "?"}] for text in EVALUATED[:2]]
    chats += [[{"role": "user", "content": BOILERPLATE[4]}, {"role": "assistant", "content": EVALUATED[4]}]]
    files["file"] = tmp_path / "train.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3], "messages": chats}), files["file"])
    packed = tmp_path / "eval.jsonl.gz"
    packed.write_bytes(gzip.compress(files["against"].read_bytes()))
    files |= {"against": packed, "out": tmp_path / "clean.parquet"}
    assert command(distill, files).code == 0
    kept = pq.read_table(files["out"])
    assert kept.schema.equals(pq.read_schema(files["file"]))
    assert kept.to_pylist() == [{"n": 3, "messages": chats[2]}]


def test_an_evaluation_set_may_be_a_table(distill: Any, files: dict[str, Path], tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    assert command(distill, files).code == 0
    wanted = files["out"].read_bytes()
    files["against"] = tmp_path / "eval.parquet"
    pq.write_table(pa.table({"id": [[1]] * len(EVALUATED), "question": EVALUATED}), files["against"])
    assert command(distill, files).code == 0
    assert files["out"].read_bytes() == wanted
    refused(command(distill, files, "--against-key", "text"), "has no column 'text'")
    files["against"].write_bytes(b"PAR1 of something else")
    refused(command(distill, files), "eval.parquet cannot be read")
    refused(distill("decontaminate", files["against"], "--against", files["file"], "--out", tmp_path / "o.parquet",
                    "--flagged", files["flagged"]), "eval.parquet cannot be read")  # fmt: skip


@pytest.mark.parametrize("option", ["out", "flagged"])
def test_what_is_no_file_is_never_replaced(distill: Any, files: dict[str, Path], tmp_path: Path, option: str) -> None:
    pipe, circle = tmp_path / "pipe", tmp_path / "circle"
    os.mkfifo(pipe)
    circle.symlink_to(circle)
    for path, said in (
        (pipe, f"--{option}={pipe} is there and is no file"),
        (tmp_path, "is there and is no file"),
        (circle, "is a link that leads nowhere"),
        (tmp_path / "none" / "x.jsonl", "there is no folder"),
        (Path("-"), "rows are written to a file"),
    ):
        refused(command(distill, files | {option: path}), said)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert circle.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["circle", "eval.jsonl", "pipe", "train.jsonl"]


def test_inputs_must_be_files(distill: Any, files: dict[str, Path], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    refused(command(distill, files | {"file": pipe}), "is not a regular file")
    refused(command(distill, files | {"against": pipe}), "is not a regular file")


def test_a_file_that_is_written_meanwhile(
    distill: Any, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = Decontaminator.flags

    def written_meanwhile(finder: Decontaminator, texts: list[str]) -> Any:
        files["file"].write_bytes(files["file"].read_bytes())
        return flags(finder, texts)

    monkeypatch.setattr(Decontaminator, "flags", written_meanwhile)
    refused(command(distill, files), "train.jsonl has changed while it was read")
    assert not files["out"].exists()


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda f: f["file"].write_text('{"id": 1}\n'), "--text-key."),
        (lambda f: f["against"].write_text('{"id": 1}\n'), "--against-key."),
        (lambda f: f["file"].write_text('{"problem": "a"}\n{"id": 1}\n'), "A row without text has null there."),
    ],
)
def test_a_missing_column_gets_a_hint(distill: Any, files: dict[str, Path], change: Any, hint: str) -> None:
    change(files)
    told = command(distill, files)
    refused(told, "(its columns: id)")
    assert hint in told.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f["file"].write_text('{"id": 1}\n'), "no column that is known to hold text"),
        (lambda f: f["file"].write_text('{"problem": 1}\n'), "row 1 holds no text"),
        (lambda f: f["file"].write_text('{"problem": "a"}\n{"id": 1}\n'), "line 2 has no 'problem'"),
        (lambda f: f["file"].write_text(""), "holds no rows"),
        (lambda f: f["file"].write_bytes(b'{"problem": "a"}\n{"problem": "\xff"}\n'), "line 2 is no text in UTF-8"),
        (lambda f: f["against"].write_text(""), "holds no questions"),
        (lambda f: f["against"].write_text('{"question": ""}\n'), "holds no questions"),
        (lambda f: f["file"].write_text(json.dumps({"problem": EVALUATED[1]}) + "\n"), "all 1 row of"),
        (lambda f: f.update(out=f["file"]), "must be different files"),
        (lambda f: f.update(against=Path("nowhere.jsonl")), "no file 'nowhere.jsonl'"),
        (lambda f: f.update(out=f["out"].with_suffix(".parquet")), "rows are written as they are"),
    ],
)
def test_bad_input_gets_a_sentence_and_leaves_nothing(
    distill: Any, files: dict[str, Path], tmp_path: Path, change: Callable[[dict[str, Path]], object], said: str
) -> None:
    change(files)
    told = command(distill, files)
    assert told.code == 2
    assert said in told.err
    assert "Traceback" not in told.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eval.jsonl", "train.jsonl"]


def test_a_row_of_ten_megabytes_is_searched(distill: Any, files: dict[str, Path]) -> None:
    noise = "alpha beta 12 x " * 650_000
    write(files["file"], [{"problem": noise + EVALUATED[1] + noise[:99]}, {"problem": noise}, {"problem": None}])
    said = command(distill, files)
    assert said.code == 0, said
    assert "2 of 3 rows kept" in said.out


def test_s1k_holds_two_problems_of_math500_and_one_reformatted(data: Path) -> None:
    """As its authors' 8-grams do not tell: they flag 89 rows; simplescaling/s1's issue 26."""
    questions = [json.loads(line)["problem"] for line in (data / "math500.jsonl").open()]
    rows = json.loads((data / "s1k_questions.json").read_text())
    flags = Decontaminator(questions).flags([row["question"] for row in rows])
    exact = {rows[flag.row]["hash"] for flag in flags if flag.match.kind == "exact"}
    assert {"9f7f1563a23537aa", "07e22408c9d86bf1"} < exact
    assert any(
        rows[flag.row]["question"].startswith("Steve says to Jon") for flag in flags if flag.match.kind == "exact"
    )
    assert len({flag.row for flag in flags}) < 10
