"""The command line as a user meets it: exit codes, sentences, nothing half done."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from commands import refused

from distill.cli import main
from distill.recipe_file import shipped


def test_help_is_quick() -> None:
    """Under 0.3 s on an idle machine; here only that no heavy package is loaded."""
    script = (
        "import sys; sys.argv = ['distill', '--help']\n"
        "from distill.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'transformers', 'pydantic', 'datasets', 'trl', 'rich'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    for verb in (
        "run",
        "harvest",
        "curate",
        "train",
        "evaluate",
        "publish",
        "plan",
        "check",
        "verify",
        "report",
        "view",
        "recipes",
        "doctor",
    ):
        assert re.search(rf"^  {verb} ", done.stdout, re.MULTILINE)


def test_the_whole_journey_and_its_resume(distill: Any, recipe_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = distill("run", recipe_file, "--run-dir", run)
    assert first.code == 0, first.err
    assert "student - base (paired)" in first.out
    assert f"report: {run}/report.html" in first.out
    summary = json.loads((run / "evaluation" / "summary.json").read_text())
    held_out = summary["sets"]["held_out"]
    assert [(d["of"], d["minus"]) for d in held_out["differences"]] == [("student", "base")]
    assert 0 <= held_out["figures"]["base"]["accuracy"] <= 1
    assert held_out["protocol"]["n"] == 12
    page = (run / "report.html").read_text()
    for expected in ("Did it work?", "The funnel", "<svg", "The teacher's traces", '<th scope="row">evaluate</th>'):
        assert expected in page
    assert (run / "published" / "README.md").read_text().startswith("---\n")
    adapter = (run / "student" / "adapter" / "adapter_model.safetensors").stat()

    second = distill("run", recipe_file, "--run-dir", run)
    assert second.code == 0
    assert second.err.count("already done") == 6
    assert (run / "student" / "adapter" / "adapter_model.safetensors").stat().st_mtime_ns == adapter.st_mtime_ns

    third = distill("run", recipe_file, "evaluate.max_tokens=8", "--run-dir", run)
    assert third.err.count("already done") == 4  # problems, harvest, curate, train
    assert list(run.glob("evaluation.*/summary.json"))
    changed = json.loads((run / "evaluation" / "summary.json").read_text())
    assert changed["sets"]["held_out"]["protocol"]["max_tokens"] == 8

    back = distill("run", recipe_file, "--run-dir", run)
    assert back.err.count("already done") + back.err.count("brought back") == 6
    assert json.loads((run / "evaluation" / "summary.json").read_text()) == summary


def test_stages_one_by_one_equal_the_whole(distill: Any, recipe_file: Path, tmp_path: Path) -> None:
    refused(distill("train", recipe_file, "--run-dir", tmp_path / "a"), "stage 'train' needs 'curate'")
    for verb in ("harvest", "curate", "train", "evaluate", "publish"):
        assert distill(verb, recipe_file, "--run-dir", tmp_path / "a").code == 0
    assert distill("run", recipe_file, "--run-dir", tmp_path / "b").code == 0
    for file in ("student/adapter/adapter_model.safetensors", "problems.parquet", "traces/samples.jsonl"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_until_and_check(distill: Any, recipe_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    refused(distill("check", recipe_file, "--run-dir", run), "holds no curated set to check")
    assert distill("run", recipe_file, "--until", "curate", "--run-dir", run).code == 0
    assert not (run / "student").exists()
    checked = distill("check", recipe_file, "--run-dir", run)
    assert checked.code == 0
    assert "passed:" in checked.out
    assert "stop token <|im_end|> in every row" in checked.out.replace("\n", " ")
    page = (run / "check.html").read_text()
    assert "https://" not in page
    assert "src=" not in page
    shown = re.findall(r'<span class="t (\w)" title="(\d+)">(.*?)</span>', page, re.DOTALL)
    assert {mask for mask, _, _ in shown} == {"i", "o"}
    stops = [at for at, (_, _, text) in enumerate(shown) if text == "&lt;|im_end|&gt;" and shown[at][0] == "i"]
    assert len(stops) == len(re.findall("<h2>", page)), "every row's stop token is in the loss"
    assert "&lt;think&gt;" in "".join(text for mask, _, text in shown if mask == "i")
    refused(distill("run", recipe_file, "--until", "cure", "--run-dir", run), "--until=cure is no stage")


def test_dry_run_does_nothing(distill: Any, recipe_file: Path, tmp_path: Path) -> None:
    done = distill("run", recipe_file, "--dry-run", "--run-dir", tmp_path / "run")
    assert done.code == 0
    assert "lora_dropout: 0.0" in done.out
    assert not (tmp_path / "run").exists()


def test_plan(distill: Any, recipe_file: Path) -> None:
    done = distill("plan", recipe_file)
    assert done.code == 0
    for word in ("problems", "harvest", "memory", "it fits", "disk", "time"):
        assert word in done.out


def test_doctor(distill: Any) -> None:
    done = distill("doctor")
    assert done.code == 0
    assert re.search(r"^torch +2\.13", done.out, re.MULTILINE)


def test_a_full_disk(recipe_file: Path, tmp_path: Path) -> None:
    """A limit on file sizes plays the full disk in a real process; with room again the same command finishes."""
    run = tmp_path / "run"
    script = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (15000, resource.RLIM_INFINITY))\n"
        "from distill.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    arguments = ["run", str(recipe_file), "--run-dir", str(run)]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (run / "stages" / "train.json").exists()
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    samples = (run / "traces" / "samples.jsonl").read_text().splitlines()
    assert len(samples) == len(set(samples)) == 48
    page = (run / "report.html").read_bytes()
    done = subprocess.run([sys.executable, "-c", script, "report", str(run)], capture_output=True, text=True)
    assert (done.returncode, done.stderr.splitlines()) == (
        2,
        [
            f"refused: {run}/report.html cannot be written: File too large.",
            "  The report is the old one; free space or mend the permissions and run the same command again.",
        ],
    )
    assert (run / "report.html").read_bytes() == page


def test_interrupt_exits_130_and_goes_on(recipe_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "distill",
        "run",
        str(recipe_file),
        "train.num_train_epochs=400",
        "--run-dir",
        str(run),
    ]
    child = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background shell has it ignored
    )
    deadline = time.monotonic() + 120
    while not (run / "student" / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 130, err
    assert "interrupted: what was done is kept." in err
    assert "Traceback" not in err


def test_debug_shows_the_traceback() -> None:
    command = [sys.executable, "-m", "distill", "run", "nowhere.yaml"]
    quiet = subprocess.run(command, capture_output=True, text=True)
    loud = subprocess.run([*command, "--debug"], capture_output=True, text=True)
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in loud.stderr


def test_recipes(distill: Any, tmp_path: Path) -> None:
    listed = distill("recipes", "ls").out
    assert all(name in listed for name in shipped())
    copied = distill("recipes", "cp", "quickstart", tmp_path)
    assert (tmp_path / "quickstart.yaml").read_text() == shipped()["quickstart"].read_text()
    assert copied.code == 0
    refused(distill("recipes", "cp", "quickstart", tmp_path), "exists already")
    assert json.loads(distill("recipes", "schema").out)["title"] == "Recipe"


def test_verify_of_odd_rows(distill: Any, tmp_path: Path) -> None:
    """A gold answer that is none is `unknown`; what is no text is named by its line, and nothing is lost."""
    golds = [None, True, [5, 6], 5, 1e22, 0.00001]
    responses = ["None", "True", "5", "5", "10000000000000000000000", "0.00001"]
    rows = [{"response": f"\\boxed{{{r}}}", "answer": g} for r, g in zip(responses, golds, strict=True)]
    rows.append({"response": 0, "answer": 0})
    rows.append({"response": r"<think>a</think> It is 5. <think> or maybe \boxed{7}", "answer": 7})
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "out.jsonl"
    assert distill("verify", tmp_path / "in.jsonl", "--out", out).code == 0
    found = [json.loads(line)["verdict"] for line in out.read_text().splitlines()]
    assert found == ["unknown", "unknown", "unknown", "correct", "correct", "correct", "correct", "wrong"]
    link = tmp_path / "link.jsonl"
    link.symlink_to(out)
    assert distill("verify", tmp_path / "in.jsonl", "--out", link).code == 0
    assert link.is_symlink()
    refused(distill("verify", tmp_path / "in.jsonl", "--out", "/dev/null"), "is there and is no file")
    refused(distill("verify", tmp_path, "--out", out), "there is no file")
    for text in ("[" * 100_000, '{"answer": ' + "9" * 5000 + "}"):
        (tmp_path / "bad.jsonl").write_text('{"response": "5", "answer": "5"}\n' + text + "\n")
        refused(distill("verify", tmp_path / "bad.jsonl", "--out", out), "line 2 is not readable as JSON")


def test_verify_judges_any_file(distill: Any, tmp_path: Path) -> None:
    rows = [
        {"id": 1, "response": r"<think>\boxed{3}</think> it is \boxed{4}", "answer": "4"},
        {"id": 2, "response": r"<think>\boxed{4}</think> it is \boxed{3}", "answer": "4"},
        {"id": 3, "response": r"<think>\boxed{4}", "answer": "4"},
        {"id": 4, "response": r"\boxed{9^{9^{9^9}}}", "answer": "-4"},
    ]
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    done = distill("verify", file, "--out", out)
    assert done.code == 0, done.err
    found = [json.loads(line) for line in out.open()]
    assert [f["verdict"] for f in found] == ["correct", "wrong", "wrong", "unknown"]
    assert [f["id"] for f in found] == [1, 2, 3, 4]
    assert found[0]["extracted"] == "4"
    refused(distill("verify", out, "--out", tmp_path / "twice.jsonl"), "has a column 'extracted' already")
    refused(distill("verify", file, "--out", file), "names the input file")
    refused(distill("verify", file, "--out", out, "--response-key", "text"), "has no 'text'")
    refused(distill("verify", file, "--out", out, "--kind", "maths"), "--kind=maths is unknown")
    refused(distill("verify", tmp_path / "nowhere.jsonl", "--out", out), "there is no file")
    game = tmp_path / "game.jsonl"
    game.write_text(json.dumps({"nums": [3, 7, 12], "target": 33, "text": "<answer>3*7+12</answer>"}) + "\n")
    assert distill("verify", game, "--out", out, "--kind", "countdown", "--response-key", "text").code == 0
    assert json.loads(out.read_text())["verdict"] == "correct"


def test_report_of_a_half_done_run(distill: Any, recipe_file: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert distill("run", recipe_file, "--until", "harvest", "--run-dir", run).code == 0
    assert distill("report", run).code == 0
    assert "Not done yet: curate, train, evaluate, publish." in (run / "report.html").read_text()
    refused(distill("report", tmp_path), "holds no run")


def test_a_failed_push_keeps_the_folder(
    distill: Any, recipe_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_not_a_token")
    outcome = distill("run", recipe_file, "publish.hub_id=me/model", "--run-dir", tmp_path / "run")
    assert outcome.code == 1
    assert "pushing to 'me/model' failed" in outcome.err
    assert (tmp_path / "run" / "published" / "README.md").exists()
    written = [p for p in (tmp_path / "run").rglob("*") if p.is_file()]
    assert not any(b"hf_not_a_token" in p.read_bytes() for p in written)


def test_a_student_that_was_saved_but_not_sealed_is_not_trained_again(
    distill: Any, recipe_file: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert distill("run", recipe_file, "--until", "train", "--run-dir", run).code == 0
    adapter = run / "student" / "adapter" / "adapter_model.safetensors"
    made, metrics = adapter.stat().st_mtime_ns, (run / "student" / "metrics.jsonl").read_bytes()
    seal = run / "stages" / "train.json"  # as a kill between the last save and the seal leaves it
    begun = {"fingerprint": json.loads(seal.read_text())["fingerprint"], "seconds": 0.0}
    (run / "stages" / "train.begun.json").write_text(json.dumps(begun))
    seal.unlink()
    assert distill("run", recipe_file, "--until", "train", "--run-dir", run).code == 0
    assert adapter.stat().st_mtime_ns == made
    assert (run / "student" / "metrics.jsonl").read_bytes() == metrics
    content = adapter.read_bytes()
    (run / "student" / "merged" / "model.safetensors").unlink()
    assert distill("run", recipe_file, "--until", "train", "--run-dir", run).code == 0
    assert (run / "student" / "merged" / "model.safetensors").exists()
    assert adapter.read_bytes() == content
