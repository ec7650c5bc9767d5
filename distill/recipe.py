"""What a user writes: one YAML file, its sections in the order of the journey.

Every key is typed, frozen and documented by the string under it. Reading a file, overrides and
error messages are in `recipe_file.py`; nothing here touches the disk.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

DEFAULT_PROMPT = "{question}"

ModelName = Annotated[str, Field(min_length=1, max_length=1000)]
"""Hub id, local folder, path of a `*.gguf` file, or `package:IMPORT_NAME/FILE.gguf`."""


Count = Annotated[int, Field(ge=1, le=10**9)]
"""A whole number from 1; the upper bound only catches slips of the keyboard."""


class Section(BaseModel):
    """Strict: `yes` is no number and `3.5` no count."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


class CountdownProblems(Section):
    """Generated arithmetic puzzles: reach a target from given numbers, each used once."""

    source: Literal["countdown"]
    count: Count = 1000
    """Training problems."""
    held_out: Count = 200
    """Problems that only the evaluation sees; their targets and number sets occur in no training problem."""
    numbers: int = Field(3, ge=2, le=6)
    """Numbers given in each problem."""
    max_number: int = Field(20, ge=2, le=10**6)
    """Numbers are drawn from 1 to this."""
    min_target: int = Field(10, ge=1, le=10**6)
    """Smallest target."""
    max_target: int = Field(99, ge=2, le=10**6)
    """Largest target."""

    @model_validator(mode="after")
    def _targets(self) -> "CountdownProblems":
        if self.max_target - self.min_target < 9:
            raise ValueError(
                f"min_target={self.min_target} and max_target={self.max_target} leave fewer than 10 targets, "
                "too few to hold any out"
            )
        return self


class TableProblems(Section):
    """Problems from rows with a question and an answer."""

    source: Literal["file", "hub"]
    layout: Literal["plain", "gsm8k"] = "plain"
    """`gsm8k`: the gold answer is what follows `####`; `plain`: the answer column as it is."""
    question_key: str = "question"
    """Column that holds the task."""
    answer_key: str = "answer"
    """Column that holds the gold answer."""
    id_key: str | None = None
    """Column that holds a unique id; null numbers the rows."""
    kind: Literal["math"] = "math"
    """Which verifier judges the answers."""
    count: Count | None = None
    """Training problems, drawn with the run's seed; null takes all that are not held out."""
    held_out: Count = 200
    """Problems that only the evaluation sees, drawn with the run's seed."""
    licence: str = "unknown"
    """Licence of the data, carried to the cards."""


class FileProblems(TableProblems):
    """Problems from a jsonl or parquet file."""

    source: Literal["file"]
    path: str
    """A `.jsonl` or `.parquet` file, relative to the working directory."""
    held_out_path: str | None = None
    """Take the held-out problems from this file instead (same layout); null takes them from `path`."""


class HubProblems(TableProblems):
    """Problems from a data set on the Hugging Face Hub."""

    source: Literal["hub"]
    hub_id: str
    """Such as `openai/gsm8k`."""
    config: str | None = None
    """Configuration of the data set, such as `main`; null for its default."""
    revision: str | None = None
    """Commit or tag; null takes the newest, which another day may be another."""
    split: str = "train"
    """Split that the training problems come from."""
    held_out_split: str | None = None
    """Split that the held-out problems come from; null takes them from `split`."""


Problems = Annotated[CountdownProblems | FileProblems | HubProblems, Field(discriminator="source")]


class Prompt(Section):
    """How a problem is put to a model; the student is asked as the teacher was, unless told otherwise."""

    system: str | None = None
    """System message; null sends none (some chat templates then add one of their own)."""
    user: str = DEFAULT_PROMPT
    """User message; `{question}` is replaced by the problem's question."""

    @model_validator(mode="after")
    def _has_question(self) -> "Prompt":
        if "{question}" not in self.user:
            raise ValueError("user must contain {question}, or the model never sees the problem")
        return self


class ProgramTeacher(Section):
    """A program that searches and thinks out loud; it knows Countdown."""

    kind: Literal["program"]
    strategy: Literal["dfs", "bfs", "mixed"] = "dfs"
    """Depth-first, breadth-first, or one of them drawn for each sample."""
    budget: Count = 24
    """Combinations of two numbers that a search may try; past it the program gives up and says so."""
    beam_size: Count = 5
    """Breadth-first only: states kept at each depth."""


class LocalTeacher(Section):
    """A model in this process (transformers)."""

    kind: Literal["local"]
    model: ModelName
    """Hub id, local folder, `*.gguf` path, or `package:IMPORT_NAME/FILE.gguf`."""
    revision: str | None = None
    """Hub commit or tag; null takes the newest."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of the weights; auto is bfloat16, or float32 where the processor has no bfloat16 arithmetic."""
    batch_size: int = Field(16, ge=1, le=4096)
    """Requests sampled together."""


class EndpointTeacher(Section):
    """Any OpenAI-compatible server: DeepSeek, OpenRouter, vLLM, SGLang, llama.cpp, `transformers serve`."""

    kind: Literal["endpoint"]
    model: str = Field(min_length=1)
    """Name under which the server knows the model."""
    base_urls: list[Annotated[str, Field(pattern=r"^https?://[^\s?#]+$")]] = Field(min_length=1)
    """Such as `https://api.deepseek.com/v1`. Several servers of the same model share the load; one that fails rests."""
    api_key_env: str | None = Field(None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Environment variable that holds the key (its name, never the key); null sends none."""
    concurrency: int = Field(64, ge=1, le=10**5)
    """Requests under way at once, over all servers."""
    timeout_seconds: float = Field(600, gt=0, le=10**6)
    """Longest silence in the midst of an answer, or before its first token."""
    max_retries: int = Field(8, ge=0, le=1000)
    """Further attempts after 429, 5xx, time-outs and broken answers, each after a longer rest (1 to 60 seconds)."""
    send_seed: bool = True
    """Send each sample's seed; false for servers that refuse the parameter."""
    max_tokens_key: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the server calls the token limit."""
    extra_body: dict[str, Any] = {}
    """Further fields of each request, such as `top_k`, `reasoning_effort` or `chat_template_kwargs`."""


class VLLMTeacher(Section):
    """`vllm serve` as a child process of the run. Keys that vLLM knows have vLLM's names; null leaves them to vLLM."""

    kind: Literal["vllm"]
    model: ModelName
    """Hub id or local folder."""
    revision: str | None = None
    """Hub commit or tag; null takes the newest."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of weights and activations."""
    tensor_parallel_size: Count = 1
    """GPUs that share each layer."""
    pipeline_parallel_size: Count = 1
    """Groups of layers on GPUs, or nodes, of their own."""
    data_parallel_size: Count = 1
    """Copies of the whole model."""
    max_model_len: Count | None = None
    """Longest prompt and answer together, in tokens; null takes the model's context."""
    max_num_seqs: Count | None = None
    """Answers that the engine works on at once."""
    quantization: str | None = None
    """Such as `fp8` or `awq`; null as the checkpoint says."""
    gpu_memory_utilization: float | None = Field(None, gt=0, le=1)
    """Share of the GPU's memory (without a GPU: of the machine's) that the engine takes."""
    kv_cache_dtype: str | None = None
    """Such as `fp8`."""
    kv_cache_memory_bytes: int | None = Field(None, ge=1, le=10**15)
    """Size of the KV cache, instead of what gpu_memory_utilization leaves for it. Set it on a machine without a GPU."""
    reasoning_parser: str | None = None
    """Such as `deepseek_r1` or `qwen3`; null leaves the reasoning in the text, where its tags show it too."""
    serve_args: dict[str, Any] = {}
    """Further options of `vllm serve`: `enforce_eager: true` becomes `--enforce-eager`."""
    concurrency: int = Field(256, ge=1, le=10**5)
    """Requests under way at once; more than the engine works on, so that it never waits."""
    start_timeout_seconds: float = Field(1800, gt=0, le=10**6)
    """Longest time from the start to readiness, loading and compiling included."""
    timeout_seconds: float = Field(600, gt=0, le=10**6)
    """Longest silence in the midst of an answer, or before its first token."""
    max_retries: int = Field(8, ge=0, le=1000)
    """Further attempts at a request whose answer broke off."""
    extra_body: dict[str, Any] = {}
    """Further fields of each request, such as `top_k` or `chat_template_kwargs`."""

    @model_validator(mode="after")
    def _ours(self) -> "VLLMTeacher":
        theirs = {name.lstrip("-").replace("-", "_"): name for name in self.serve_args}
        fields = theirs.keys() & type(self).model_fields.keys()
        if fields:
            raise ValueError(f"serve_args.{theirs[min(fields)]} has a key of its own: {min(fields)}")
        ours = theirs.keys() & {"host", "port", "uds", "api_key", "served_model_name", "ssl_keyfile", "root_path"}
        if ours:
            raise ValueError(f"serve_args.{theirs[min(ours)]} is set by the run itself")
        return self


Teacher = Annotated[ProgramTeacher | LocalTeacher | EndpointTeacher | VLLMTeacher, Field(discriminator="kind")]


class Harvest(Section):
    """How traces are sampled from the teacher."""

    samples_per_problem: int = Field(1, ge=1, le=10**6)
    """Answers sampled for each training problem; the most, where accepted_per_problem is set."""
    accepted_per_problem: Count | None = None
    """Stop sampling a problem once so many of its answers are correct and whole; null samples all."""
    min_chance: float = Field(0.0, ge=0, lt=1)
    """Give a problem up once the chance that its next answer is accepted is below this; 0 never does."""
    max_total_tokens: int | None = Field(None, ge=1, le=10**15)
    """Tokens that the teacher may spend in all, prompts included; null sets no limit. Cheapest traces come first."""
    temperature: float = Field(0.6, ge=0, le=10)
    """0 is greedy: every sample of a problem would be the same."""
    top_p: float = Field(0.95, gt=0, le=1)
    """Nucleus; 1 means off."""
    max_tokens: Count = 4096
    """Longest answer in tokens, reasoning included. An answer cut here is never correct."""
    cut_loops: bool = True
    """Cut an endpoint's answer once it repeats a stretch six times over 2,000 characters; it is never trained on."""
    prompt: Prompt = Prompt()
    """What the teacher is asked."""

    def is_adaptive(self) -> bool:
        """Does what is sampled next depend on what came back?"""
        return self.accepted_per_problem is not None or self.min_chance > 0 or self.max_total_tokens is not None


class Verify(Section):
    """How an answer is judged; the verifier itself is the one of the problem's kind."""

    timeout_seconds: float = Field(5.0, gt=0, le=10**6)
    """Longest time for one verdict; past it the verdict is `unknown`, never `wrong`."""


class Curate(Section):
    """Which traces teach."""

    require_verdict: Literal["correct", "correct_or_unknown", "any_i_accept_wrong_traces"] = "correct"
    """Rejection. At 10^3 rows it is the method; at 10^6 it hardly matters (OpenThoughts3)."""
    require_reasoning: bool = False
    """Drop traces that have nothing between `<think>` and `</think>`."""
    deduplicate: bool = True
    """Drop a trace whose text equals another's of the same problem, and problems asked twice."""
    decontaminate: bool = True
    """Drop problems that equal a held-out problem after normalisation."""
    select: Literal["shortest", "longest", "random", "all"] = "shortest"
    """Which traces of a problem are taken first."""
    traces_per_problem: Count | None = 1
    """Most traces taken of one problem; null takes all."""
    max_rows: Count | None = None
    """Most rows in all, drawn with the run's seed; null takes all."""


class Student(Section):
    """Who learns."""

    model: ModelName
    """Hub id, local folder, `*.gguf` path, or `package:IMPORT_NAME/FILE.gguf`."""
    revision: str | None = None
    """Hub commit or tag; null takes the newest."""
    prompt: Prompt | None = None
    """What the student is asked, in training and evaluation; null takes the teacher's prompt."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of the frozen weights; auto is bfloat16, or float32 where the processor has no bfloat16 arithmetic."""


class Train(Section):
    """Supervised fine-tuning with LoRA. Names are those of TRL and PEFT."""

    learning_rate: float = Field(2e-4, gt=0, le=10)
    """Peak. LoRA wants about ten times that of full fine-tuning (LoRA Without Regret)."""
    lr_scheduler_type: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    """Shape of the schedule after the warm-up."""
    warmup_ratio: float = Field(0.05, ge=0, lt=1)
    """Share of the steps over which the rate rises from 0."""
    num_train_epochs: float = Field(2, gt=0, le=10**4)
    """Passes over the curated set."""
    max_length: int = Field(2048, ge=16, le=10**8)
    """Longest row in tokens, prompt and trace. A longer one is refused, never cut."""
    drop_long_rows: bool = False
    """True leaves rows longer than max_length out and counts them, instead of refusing the run."""
    packed_rows_per_batch: Count = 8
    """Packed rows of max_length tokens in one optimiser step, over all devices."""
    per_device_train_batch_size: Count = 1
    """Packed rows in one forward pass on one device."""
    weight_decay: float = Field(0.0, ge=0, le=10)
    """AdamW's decoupled decay."""
    max_grad_norm: float = Field(1.0, gt=0, le=10**6)
    """Gradients are scaled down to this norm."""
    lora_r: int = Field(32, ge=1, le=10**5)
    """Rank. About: adapter parameters should not be fewer than the tokens in the loss."""
    lora_alpha: int = Field(32, ge=1, le=10**6)
    """Scale: the update counts lora_alpha / lora_r."""
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout before the adapter."""
    lora_target_modules: Literal["all-linear"] | Annotated[list[str], Field(min_length=1)] = "all-linear"
    """Which layers get an adapter; all-linear leaves out the output layer only."""
    use_rslora: bool = False
    """Scale by lora_alpha / sqrt(lora_r) instead."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    save_steps: Count = 50
    """Optimiser steps between checkpoints that a killed run goes on from."""

    @model_validator(mode="after")
    def _batch(self) -> "Train":
        if self.packed_rows_per_batch % self.per_device_train_batch_size:
            raise ValueError(
                f"packed_rows_per_batch={self.packed_rows_per_batch} is not a multiple of "
                f"per_device_train_batch_size={self.per_device_train_batch_size}"
            )
        return self


class Evaluate(Section):
    """Base and student on the held-out problems, same protocol, side by side."""

    samples_per_problem: int = Field(1, ge=1, le=10**6)
    """k: answers sampled for each problem."""
    temperature: float = Field(0.0, ge=0, le=10)
    """0 is greedy; R1's protocol is 0.6."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Nucleus; 1 means off."""
    max_tokens: Count = 1024
    """Longest answer in tokens; one cut here counts as wrong, and the share of them is printed."""
    batch_size: int = Field(32, ge=1, le=4096)
    """Requests sampled together."""
    confidence: float = Field(0.95, gt=0.5, le=0.9999)
    """Of the intervals."""

    @model_validator(mode="after")
    def _greedy(self) -> "Evaluate":
        if self.temperature == 0 and self.samples_per_problem > 1:
            raise ValueError("samples_per_problem > 1 at temperature 0 samples the same answer again and again")
        return self


class Publish(Section):
    """Where the student goes. Nothing leaves the machine unless hub_id is set."""

    hub_id: str | None = Field(None, pattern=r"^[\w.-]+/[\w.-]+$")
    """Repository on the Hugging Face Hub; null only writes the folder `published/`. The token is read from HF_TOKEN."""
    private: bool = True
    """Create the repository as private."""
    merged: bool = True
    """Publish the merged checkpoint; false publishes the adapter alone."""
    licence: str | None = None
    """Licence named in the card; null leaves it out."""


class Recipe(Section):
    """The whole journey."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    """Names the run: it lives in `runs/<name>`."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Of everything random in the run."""
    problems: Problems
    teacher: Teacher
    harvest: Harvest = Harvest()
    verify: Verify = Verify()
    curate: Curate = Curate()
    student: Student
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    publish: Publish = Publish()

    @model_validator(mode="after")
    def _fits_together(self) -> "Recipe":
        if isinstance(self.teacher, ProgramTeacher) and not isinstance(self.problems, CountdownProblems):
            raise ValueError("teacher.kind=program knows Countdown only; set problems.source=countdown")
        sampled = not isinstance(self.teacher, ProgramTeacher)
        if sampled and self.harvest.temperature == 0 and self.harvest.samples_per_problem > 1:
            raise ValueError(
                "harvest.samples_per_problem > 1 at harvest.temperature=0 pays for the same answer again and again"
            )
        per_problem, samples = self.curate.traces_per_problem, self.harvest.samples_per_problem
        accepted = self.harvest.accepted_per_problem
        if accepted is not None and accepted > samples:
            raise ValueError(
                f"harvest.accepted_per_problem={accepted} is more than harvest.samples_per_problem={samples}, "
                "the most that are sampled"
            )
        if per_problem is not None and per_problem > samples:
            raise ValueError(
                f"curate.traces_per_problem={per_problem} is more than harvest.samples_per_problem={samples}"
            )
        return self

    def student_prompt(self) -> Prompt:
        """What the student is asked, in training and in evaluation alike."""
        return self.student.prompt or self.harvest.prompt


def messages(prompt: Prompt, question: str) -> list[dict[str, str]]:
    """The chat messages that put a question to a model."""
    system: list[dict[str, Any]] = [{"role": "system", "content": prompt.system}] if prompt.system is not None else []
    return [*system, {"role": "user", "content": prompt.user.replace("{question}", question)}]
