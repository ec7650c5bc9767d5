"""The section `prompt`: how a question is put to a model, and presets that others have published."""

from typing import Any, Literal

from pydantic import Field, model_validator

from distill.recipe_base import Section
from distill.records import CONTROL_TOKEN

Preset = Literal["boxed", "zero_shot_cot", "qwen_math", "r1_zero", "reasoning_gym", "supervised_cot"]

PRESETS: dict[str, dict[str, str]] = {
    # what DeepSeek asks users of R1 to write for mathematics (usage notes of DeepSeek-R1); no system message
    "boxed": {"user": "{question}\nPlease reason step by step, and put your final answer within \\boxed{}."},
    # Kojima et al. 2022, "Large Language Models are Zero-Shot Reasoners", with a place for the answer
    "zero_shot_cot": {"user": "{question}\nLet's think step by step. Put the final answer within \\boxed{}."},
    # Qwen2.5-Math's own, and oat-zero's `qwen_math`
    "qwen_math": {"system": "Please reason step by step, and put your final answer within \\boxed{}."},
    # DeepSeek-R1, table 1: the template of R1-Zero as a system message
    "r1_zero": {
        "system": "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. "
        "The assistant first thinks about the reasoning process in the mind and then provides the user with the "
        "answer. The reasoning process and answer are enclosed within <think> </think> and <answer> </answer> tags, "
        "respectively, i.e., <think> reasoning process here </think> <answer> answer here </answer>."
    },
    # reasoning_gym's own default system message
    "reasoning_gym": {
        "system": "Given a problem, your task is to answer the question by thinking step-by-step in a clear and "
        "specific manner.\nOnce you have thought about the reasoning process, provide the answer in the following "
        "format:\n<answer>answer here</answer>\nDo not explain your reasoning inside the answer tags, provide only "
        "the final answer. When an example is provided, you should strictly follow the format of the output/answer "
        "in that example."
    },
    # supervised chain of thought: the steps are prescribed, plan, carry out, check
    "supervised_cot": {
        "user": "{question}\n\nWork in three steps. Plan: say which sub-problems lead to the answer, and in which "
        "order. Carry out: solve each of them in turn, writing every intermediate result. Check: test the result "
        "against the question, by another way where there is one, and mend what is wrong. Then put the final answer "
        "within \\boxed{}."
    },
}


class Example(Section):
    """A question with its answer, shown before the real question (few-shot)."""

    question: str = Field(min_length=1)
    """Put to the model as real questions are."""
    answer: str = Field(min_length=1)
    """What the model is to take for its own answer, reasoning included."""


class Prompt(Section):
    """How a problem is put to a model."""

    preset: Preset | None = None
    """Fills `system` and `user` where they are not given; null leaves them as they are."""
    system: str | None = None
    """System message; null sends none (some chat templates then add one of their own)."""
    user: str = "{question}"
    """User message; `{question}` is replaced by the problem's question."""
    examples: list[Example] = Field([])
    """Shown to the teacher only: the student learns to do without."""

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        """Take from the preset what is not given; the recipe as resolved holds the words themselves."""
        if isinstance(given, dict) and isinstance(given.get("preset"), str):
            return PRESETS.get(given["preset"], {}) | {k: v for k, v in given.items() if v is not None or k == "preset"}
        return given

    @model_validator(mode="after")
    def _can_be_asked(self) -> "Prompt":
        if "{question}" not in self.user:
            raise ValueError("user must contain {question}, or the model never sees the problem")
        shown = [text for example in self.examples for text in (example.question, example.answer)]
        held = CONTROL_TOKEN.search("\n".join([self.user, self.system or "", *shown]))
        if held:
            raise ValueError(f"a prompt must not hold '{held[0]}': the chat template sets such tokens")
        return self

    def without_examples(self) -> "Prompt":
        """The same words without what was shown before."""
        return self.model_copy(update={"examples": []})

    def messages(self, question: str) -> list[dict[str, str]]:
        """The chat messages that put a question to a model."""
        system = [{"role": "system", "content": self.system}] if self.system is not None else []
        turns = [
            turn
            for example in self.examples
            for turn in (self._asked(example.question), {"role": "assistant", "content": example.answer})
        ]
        return [*system, *turns, self._asked(question)]

    def _asked(self, question: str) -> dict[str, str]:
        return {"role": "user", "content": self.user.replace("{question}", question)}
