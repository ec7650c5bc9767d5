# %% [markdown]
# # 4. More thinking at test time
#
# A trained student can still become better: let it think longer, or let it answer several times. Both cost tokens, and
# both are easily overrated. By the end you will have
#
# - drawn accuracy against thinking tokens by budget forcing (s1), and read what was forced,
# - made the student go on with "Wait" where it wanted to stop,
# - drawn coverage (one of k answers is right) and majority (the most frequent of k is right) of one set of samples,
# - fitted the law of coverage, and seen where it must not be believed.
#
# The student is the one of notebook 1, in `runs/countdown`. On two cores it takes some minutes, most of them for the
# sixteen answers to each problem.

# %%
import os

# Words that stand behind the commands below; empty, the sizes are those of the text.
OVERRIDES = os.environ.setdefault("OVERRIDES", "")

# %% language="bash"
# test -d runs/countdown/student/merged || distill run runs/countdown.yaml

# %% [markdown]
# ## A budget for thinking
#
# Budget forcing lets the model think up to so many tokens. Who has not come to an end then is cut: the end of the
# thinking is put there, and the beginning of an answer (`answer_prefix`). The thought of the largest budget serves the
# smaller ones, so the whole curve costs little more than its last point.

# %% language="bash"
# distill scale runs/countdown --budgets 16 32 64 128 256 \
#     count=50 answer_tokens=32 'answer_prefix=<answer>' $OVERRIDES 2>&1

# %% [markdown]
# **Look at** the intervals before the slope. Fifty problems leave some 13 points to either side, so neighbours on the
# curve hardly ever differ. What counts is the whole way from left to right.

# %%
from IPython.display import SVG

SVG("runs/countdown/scaling/curve.svg")

# %% [markdown]
# One problem with a small and with the full budget. What the student says after a cut is a guess from an unfinished
# search.

# %%
import pandas as pd

for budget in (16, 256):
    folder = f"runs/countdown/scaling/budget-{budget}"
    sample = pd.read_json(f"{folder}.samples.jsonl", lines=True).set_index("id").sort_index().iloc[0]
    forced = pd.read_json(f"{folder}.forced.jsonl", lines=True).set_index("trace_id").loc[sample.name]
    verdict = pd.read_json(f"{folder}.verdicts.jsonl", lines=True).set_index("trace_id").loc[sample.name]
    print(
        f"--- budget {budget}: {forced.thinking_tokens} tokens of thinking, ended by {forced.ended}; {verdict.verdict}"
    )
    print(sample.reasoning, sample.response, sep="\n")

# %% [markdown]
# ## Wait
#
# The other direction: where the model ends its thinking, the end is left out and `Wait` put there. Models that s1
# trained find mistakes that way. Ours has never seen the word: it was taught by a search that stops when it has found
# something.
#
# **Look at** accuracy beside the tokens it took. More thinking is not more insight, if the traces that taught held
# none.

# %% language="bash"
# distill scale runs/countdown --budgets 256 --waits 0 1 2 --out runs/countdown-waits \
#     count=50 answer_tokens=32 'answer_prefix=<answer>' $OVERRIDES 2>&1

# %% [markdown]
# ## Many answers
#
# Now sixteen answers to each problem, at a temperature at which they differ. One run gives all curves: every k below 16
# is an exact mean over all ways to draw k of them.

# %% language="bash"
# distill scale runs/countdown --method sampling --budgets 256 samples_per_problem=16 temperature=0.8 \
#     count=50 answer_tokens=32 'answer_prefix=<answer>' $OVERRIDES 2>&1

# %%
SVG("runs/countdown/scaling/sampling/curve.svg")

# %% [markdown]
# **Coverage** counts a problem as solved where any of the k answers is right. That is what a verifier at test time
# could reach, and no more than that: nobody tells a user which of sixteen answers it is. **Majority** needs no
# verifier, and asks for an answer that comes out the same by different ways. Countdown has many right answers that look
# different, so here few agree.
#
# ## When does a majority help?
#
# Two problems, made up, sixteen samples each. In the first the right answer, 7, is the most frequent although most
# samples are wrong; in the second a wrong one is. More samples make the first certain, and the second certainly wrong.
# Coverage of both goes to one.

# %% tags=["kept"]
from distill.evaluate.majority import majority_at
from distill.evaluate.pass_at_k import pass_at_k

samples = {
    "scattered mistakes": [7, 3, 7, 12, 7, 5, 9, 7, 1, 4, 7, 8, 2, 7, 6, 10],
    "one tempting mistake": [7, 3, 3, 7, 3, 3, 7, 3, 5, 3, 7, 3, 3, 7, 3, 3],
}
points = [1, 2, 4, 8, 16]
curves = {}
for name, votes in samples.items():
    curves[f"{name}: majority"] = majority_at(votes, frozenset({7}), points)
    curves[f"{name}: coverage"] = [pass_at_k(16, votes.count(7), k) for k in points]
pd.DataFrame(curves, index=pd.Index(points, name="k")).T.round(2)

# %% [markdown]
# ## The law of coverage, and where it ends
#
# Over many problems coverage follows `exp(a k^b)` (Large Language Monkeys, arXiv 2407.21787): a straight line, suitably
# drawn. It comes from the mixture of hard and easy problems, and not from the model. Here are two made-up benchmarks on
# which one sample solves about a tenth. In one the problems differ, in the other all are equally hard. The law is
# fitted to k up to 32 and asked about 1,000.

# %% tags=["kept"]
import random

from distill.scaling.coverage import coverage, fit

rng = random.Random(0)
benchmarks = {
    "problems differ": [rng.random() ** 9 for _ in range(300)],
    "equally hard": [0.1] * 300,
}
known, asked = [1, 2, 4, 8, 16, 32], [1, 32, 100, 1000]
rows = {}
for name, rates in benchmarks.items():
    counts = [(1000, sum(rng.random() < rate for _ in range(1000))) for rate in rates]
    law = fit([(k, coverage(counts, k)) for k in known])
    rows[f"{name}: counted"] = [coverage(counts, k) for k in asked]
    rows[f"{name}: by the law"] = [law.at(k) for k in asked]
pd.DataFrame(rows, index=pd.Index(asked, name="k")).T.round(3)

# %% [markdown]
# Where problems differ, the law is near the truth as far as it was fitted, and promises too much at 1,000. Where all
# are equally hard it is no law at all. So measure as far as you want to speak of, and take the law for a summary.
# `distill scale` tells the largest distance between law and points beside every fit.
#
# Other methods of `--method` (`token`, `step`, `class`, `rejection`) are the baselines that s1 compares budget forcing
# with; docs/test-time-scaling.md has them, with the differences to the published code.
#
# Next: [5, from laptop to cluster](5_to_a_cluster.ipynb).
