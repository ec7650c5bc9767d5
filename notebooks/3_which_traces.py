# %% [markdown]
# # 3. Which traces teach: LIMO, s1 and what can go wrong
#
# Others have published reasoning traces by the hundred thousand. s1 made a strong reasoner from 1,000 of them, LIMO
# from 800. Which ones, then? This notebook curates a pool of traces the way the two did, step by step. By the end you
# will have
#
# - seen each fault that published sets have (wrong, cut, doubled, copied from the benchmark) go out at its own step,
# - read a contaminated row beside the benchmark question that it holds,
# - compared what LIMO, s1 and three simpler rules take from the same pool,
# - done the same with the real s1K.
#
# It takes about a minute; no model is loaded. The pool is made here, so that we know what is wrong with it, and the
# last section takes rows from the hub, or from a file that the variable `TRACES` names.

# %% [markdown]
# ## A pool of traces
#
# 240 word problems of four fields, each solved three times: *tersely*, *carefully* (with a check) and *at length* (with
# second thoughts). Three in ten traces end on a wrong result, one in twenty was cut in the middle.

# %%
import json
import random
from math import comb
from pathlib import Path

TASKS = {
    "arithmetic": (
        "{who} sells {a} loaves in the morning and {b} in the afternoon, each for {c} coins. How many coins is that?",
        "({a} + {b}) * {c}",
        lambda a, b, c: (a + b) * c,
    ),
    "geometry": (
        "{who} has a field {a} m long and {b} m wide, with a pond of {c} square metres in it. How much land is dry?",
        "{a} * {b} - {c}",
        lambda a, b, c: a * b - c,
    ),
    "number theory": (
        "{who} deals {a} times {b} cards evenly to {c} players. How many cards are left over?",
        "{a} * {b} mod {c}",
        lambda a, b, c: a * b % c,
    ),
    "counting": (
        "{who} has {a} red and {b} blue beads, no two alike, and picks {c} of them. In how many ways can that be done?",
        "C({a} + {b}, {c})",
        lambda a, b, c: comb(a + b, c),
    ),
}
STYLES = {
    "terse": "{formula} = {result}.",
    "careful": "Since this is {domain}, first write down what is asked: {formula}. That gives {result}. Let me check "
    "the size of it: {result} is plausible, therefore it stands.",
    "at length": "Okay, this is {domain}. Perhaps there is a shortcut? It might be easier to begin with the numbers: "
    "{formula}. Hmm, that gives {result}. Wait, have I read the question correctly? {question} Yes. Alternatively, "
    "turn it round and verify: from {result} back through {formula}. Let me check once more, since slips are easy. "
    "Perhaps I should try smaller numbers. The same way works, therefore it might be right in general. So {result}.",
}

# %%
rng = random.Random(0)


def problem() -> dict:
    """A word problem with its gold answer."""
    domain = rng.choice(list(TASKS))
    words, formula, solve = TASKS[domain]
    values = {"a": rng.randint(3, 60), "b": rng.randint(3, 60), "c": rng.randint(2, 6)}
    who = rng.choice(["Ada", "Ben", "Chloe", "Dan", "Edith", "Femi", "Goran", "Hana"])
    source = rng.choice(["textbook", "textbook", "textbook", "olympiad"])
    task = {"question": words.format(who=who, **values), "answer": str(solve(**values))}
    return {**task, "domain": domain, "source": source, "formula": formula.format(**values)}


def trace(task: dict, style: str) -> dict:
    """A published trace: now and then wrong, now and then cut."""
    result = int(task["answer"]) + (rng.choice([-10, -1, 1, 7]) if rng.random() < 0.3 else 0)
    reasoning = STYLES[style].format(**task, result=result)
    if rng.random() < 0.05:
        half = reasoning[: len(reasoning) // 2]
        return {"style": style, "reasoning": half, "response": "", "finish_reason": "length"}
    return {"style": style, "reasoning": reasoning, "response": f"\\boxed{{{result}}}", "finish_reason": "stop"}


tasks = [problem() for _ in range(240)]
pool = [{**task, **trace(task, style)} for task in tasks for style in STYLES]

# %% [markdown]
# And three faults that nobody sees in a pool of this size: rows that are doubled with other white space, and two
# questions of the benchmark that we shall evaluate on, one word for word and one reworded. A third has other numbers:
# that is allowed, it is another problem.

# %%
benchmark = [
    "A ship leaves the harbour at noon with 340 crates and loses 15 in a storm. How many reach the island?",
    "The bells of two towers ring every 12 and every 18 minutes. When do they next ring together?",
]
copies = {
    "A SHIP leaves the harbour at noon  with 340 crates and loses 15 in a storm.\nHow many reach the island?": 325,
    "The bells of two old towers ring every 12 and every 18 minutes. When will they next ring together?": 36,
    "The bells of two towers ring every 20 and every 45 minutes. When do they next ring together?": 180,
}
for question, answer in copies.items():
    task = {"question": question, "answer": str(answer), "domain": "arithmetic", "source": "olympiad"}
    said = {"style": "careful", "reasoning": "Think of it in steps.", "response": f"\\boxed{{{answer}}}"}
    pool.append({**task, **said, "finish_reason": "stop"})
pool += [{**row, "question": row["question"].replace(" ", "  ")} for row in pool[:30]]


def write(path: str, rows: list[dict]) -> None:
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))


write("runs/pool.jsonl", [{"id": f"row {number}", **row} for number, row in enumerate(pool)])
write("runs/benchmark.jsonl", [{"question": question} for question in benchmark])
print(len(pool), "rows")

# %% [markdown]
# This is how three traces of one problem look. The long one sounds most like a reasoner. It adds nothing, but no rule
# that counts words can know that.

# %% tags=["kept"]
from textwrap import fill

print(fill(pool[3]["question"], 100), f"Gold answer: {pool[3]['answer']}\n", sep="\n")
for row in pool[3:6]:
    print(fill(f"[{row['style']}] {row['reasoning']} {row['response']}", 100), end="\n\n")

# %% [markdown]
# ## The funnel
#
# `distill select` takes files of traces, whatever their layout, and leaves the rows that teach. With `--verify` each
# trace is judged by its gold answer as it is read. Every step says how many traces and problems it has left.
#
# **What usually goes wrong:** steps that are skipped. s1's own notebook kept 46 % wrong traces, and two problems of the
# test set MATH-500. Neither shows in a loss.

# %% language="bash" tags=["kept"]
# distill select runs/pool.jsonl --verify select=all traces_per_problem=null \
#     "evaluation_sets=[runs/benchmark.jsonl]" --out runs/all

# %% [markdown]
# Read it from the top. Thirty-five rows hold nothing behind their thinking, because they were cut. Of the others some
# three in ten are wrong. The doubled rows went although their white space differs. What was in the benchmark comes
# last.

# %% tags=["kept"]
from IPython.display import SVG

SVG("runs/all/funnel.svg")

# %% [markdown]
# ## A contaminated row
#
# Each row that was found stands beside the question that it holds. `exact` and `near` are left out. `changed` is the
# same pattern with other numbers, another problem, and stays.
#
# Counting shared n-grams finds exact copies, misses those in which a few words were exchanged, and flags innocent
# problems by the dozen, because "where m and n are relatively prime positive integers" stands in half of AIME.
# docs/decontamination.md tells what is compared instead.

# %% tags=["kept"]
for line in Path("runs/all/contaminated.jsonl").read_text().splitlines():
    found = json.loads(line)
    print(f"[{found['kind']}] {found['share']:.0%} of the question, by weight\n  row:       {found['text']!r}")
    print(f"  benchmark: {found['question']!r}\n")

# %% [markdown]
# ## Five ways to choose sixty
#
# | rule | takes |
# |---|---|
# | `limo` | the best trace of each problem, then the best of all: long, with "check", "perhaps", "therefore" |
# | `s1` | every trace of the sources that you keep, then a field by chance and in it long traces first |
# | `small-student` | the longest trace of one problem in five, of the others the shortest |
# | `shortest`, `random` | what they say: the baselines that a rule has to beat |
#
# The difficulty step is LIMO's and s1's as well: both took problems that models seldom solve. Here only problems stay
# of which one or two of the three traces are correct; three of three is too easy.

# %% language="bash"
# for rule in limo s1 small-student shortest random; do
#     if [ $rule = s1 ]; then kept="s1.keep_sources=[olympiad]"; else kept=""; fi
#     distill select runs/pool.jsonl --verify select=$rule rows=60 $kept --out runs/$rule \
#         'difficulty={pass_rate: {low: 1, high: 2, of: 3}}' "evaluation_sets=[runs/benchmark.jsonl]" | tail -1
# done

# %% [markdown]
# A curated set is a folder of `datasets`. Every row tells where it comes from (`row_id`, `source`), its verdict, its
# scores, and why it was taken.

# %% tags=["kept"]
import warnings

warnings.filterwarnings("ignore", message="IProgress not found")  # progress bars need ipywidgets, and none is shown
from datasets import load_from_disk

row = load_from_disk("runs/s1")[0]
{key: row[key] for key in ("row_id", "source", "verdict", "selected_as", "selected_because")}

# %% [markdown]
# **Look at** the styles first. `limo` takes long traces alone and `s1` mostly; `shortest` takes a long one only where
# no other is right. Then look at the fields: `limo` leaves one out altogether, since nothing tells it to spread, which
# is why s1 draws a field before it draws a trace.

# %% tags=["kept"]
import pandas as pd

made = {row["id"]: row for row in map(json.loads, Path("runs/pool.jsonl").read_text().splitlines())}
rules = ["limo", "s1", "small-student", "shortest", "random"]
taken = {rule: [made[row_id] for row_id in load_from_disk(f"runs/{rule}")["row_id"]] for rule in rules}
shares = {
    rule: {
        **{style: sum(row["style"] == style for row in rows) for style in STYLES},
        "olympiad": sum(row["source"] == "olympiad" for row in rows),
        **{domain: sum(row["domain"] == domain for row in rows) for domain in TASKS},
    }
    for rule, rows in taken.items()
}
pd.DataFrame(shares).T

# %% [markdown]
# ## Which one is right?
#
# That depends on the student, and only an evaluation tells. LIMO and s1 trained 32 billion parameters. Long traces that
# help such a model make one of a few billion worse: of LIMO's traces Qwen2.5-1.5B-Instruct fell from 53.8 to 15.8 % on
# MATH (arXiv 2502.12143), which is why `distill` refuses few long traces for a small student. In our own measurement
# (docs/curation.md, `python benchmarks/curation_helps.py`) nothing beat a random draw at 135 million parameters.
#
# So: verify and decontaminate always; choose by length or score only for a student that is large enough; and keep
# `random` as the baseline in your tables.
#
# ## The real s1K
#
# The same command with published rows. They come from the hub, or from the file that `TRACES` names.

# %%
import os

published = os.environ.get("TRACES", "runs/s1k.parquet")
if "TRACES" not in os.environ:
    from datasets import load_dataset

    load_dataset("simplescaling/s1K", split="train").to_parquet(published)
os.environ["PUBLISHED"] = published

# %% [markdown]
# **Look at** the second line: how many of its thousand traces end on the gold answer, as far as a rule can tell. Proofs
# and problems without a gold answer are `unknown`, and `require_verdict=correct_or_unknown` would keep those.

# %% language="bash"
# distill select "$PUBLISHED" --verify select=s1 rows=500 fill=less \
#     "evaluation_sets=[runs/benchmark.jsonl]" --out runs/s1k-500

# %% [markdown]
# In a recipe the same keys stand in the section `curate`, the traces in `problems: {source: traces, hub_id: ...}`, and
# the teacher is `{kind: replay}`. Name the benchmarks that you will evaluate on, such as `evaluation_sets: [math500,
# aime24]`.
#
# Next: [4, more thinking at test time](4_more_thinking.ipynb).
