"""What was left out can be judged by a person: which rows, the whole texts, what differs."""

import json
from pathlib import Path
from typing import Any

from trace_files import written

SEATS = "A hall has 12 rows with 9 seats in each row, and 17 seats are broken. How many seats can be used tonight?"
BUSES = "Six buses carry 44 pupils each to the museum, and 13 of the pupils fall ill. How many pupils see the pictures?"
OTHERS = [f"Anna has {n} apples and buys {n + 3} pears for {n + 9} friends. How much fruit is there?" for n in (21, 50)]


def row(question: str, thinking: str, number: int) -> dict[str, Any]:
    told = {"question": question, "thinking": thinking, "response": f"It is \\boxed{{{number}}}."}
    return told | {"verdict": "correct", "id": f"row {number}"}


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_contaminated_problems_tell_their_rows_and_both_questions(tmp_path: Path, distill: Any) -> None:
    held = SEATS.replace("tonight", "this evening")
    rows = [row(OTHERS[0], "so", 1), row(held, "so it is", 2), row(OTHERS[1], "so", 3), row(held, "and so", 4)]
    written(tmp_path / "eval.jsonl", [{"question": BUSES}, {"question": SEATS}])
    one, other = written(tmp_path / "a.jsonl", rows[:3]), written(tmp_path / "b.jsonl", rows[3:])
    keys = [f"evaluation_sets=[{tmp_path / 'eval.jsonl'}]", "select=all"]
    assert distill("select", other, one, *keys, "--out", tmp_path / "o").code == 0
    (told,) = lines(tmp_path / "o" / "contaminated.jsonl")
    assert (told["file"], told["row"], told["row_id"]) == ("a.jsonl", 2, "row 2")
    assert told["rows"] == {"a.jsonl": [2], "b.jsonl": [1]}
    assert (told["problem"], told["question"], told["where"]) == (held, SEATS, "eval.jsonl, row 2")
    assert (told["kind"], told["missing"]) == ("near", ["tonight"])
    assert told["instead"]


def test_duplicates_tell_both_rows_and_both_questions(tmp_path: Path, distill: Any) -> None:
    same, near = SEATS.replace(", and", " and"), SEATS.replace("can be", "may be")
    rows = [row(SEATS, "so", 1), row(same, "so it is", 2), row(near, "and so", 3), row(BUSES, "thus", 4)]
    file = written(tmp_path / "a.jsonl", rows)
    assert distill("select", file, "near_duplicates=0.5", "--out", tmp_path / "o").code == 0
    found = lines(tmp_path / "o" / "duplicates.jsonl")
    assert {told["what"] for told in found} == {"problem"}
    asked = {(at, row["question"]) for at, row in enumerate(rows, 1)}
    assert {1.0} < {told["similarity"] for told in found}
    for told in found:
        assert {(told["row"], told["problem"]), (told["stays_row"], told["stays_problem"])} <= asked
        assert (told["row_id"], told["file"]) == (f"row {told['row']}", "a.jsonl")
        assert (told["stays_row_id"], told["rows"]) == (f"row {told['stays_row']}", {"a.jsonl": [told["row"]]})
    assert len({told["row"] for told in found}) == len(found) == 2


def test_traces_that_hardly_differ_tell_their_rows(tmp_path: Path, distill: Any) -> None:
    thinking = "Twelve times nine is one hundred and eight, and of those seventeen are broken, so that leaves it"
    rows = [row(BUSES, "thus", 4), row(SEATS, thinking, 91), row(SEATS, thinking + "!", 91)]
    file = written(tmp_path / "a.jsonl", rows)
    assert distill("select", file, "select=all", "distinct_traces=0.2", "--out", tmp_path / "o").code == 0
    (told,) = lines(tmp_path / "o" / "duplicates.jsonl")
    assert (told["what"], told["row"], told["stays_row"], told["rows"]) == ("trace", 3, 2, {"a.jsonl": [3]})
