"""How an answer ended: what servers call it, and what we call it."""

from typing import Any

from distill.records import FinishReason

_SAID: dict[FinishReason, str] = {
    "stop": "stop eos eos_token end_turn stop_sequence stop_string complete completed end_of_turn",
    "length": "length max_tokens max_output_tokens max_length max_new_tokens model_length "
    "model_context_window_exceeded context_length_exceeded",
    "loop": "loop",
    "filter": "content_filter filter safety recitation blocklist prohibited_content spii refusal error_toxic",
    "error": "error abort aborted cancelled failed pause_turn insufficient_system_resource other "
    "tool_calls tool_call tool_use function_call malformed_function_call",
}
"""Ours -> what OpenAI, vLLM, SGLang, TGI, Anthropic, Gemini, Mistral, Cohere and DeepSeek say. A call of a tool is no
answer."""

FINISH_REASONS: dict[str, FinishReason] = {said: ours for ours, names in _SAID.items() for said in names.split()}


def ended(said: str) -> FinishReason | None:
    """Our name of an end; None for what nobody here knows."""
    return FINISH_REASONS.get(said.lower().rpartition(".")[2])


def as_told(value: Any) -> str:
    """What a row says of its end, as text; `stop` where it says nothing."""
    if isinstance(value, dict):  # as SGLang has it
        value = value.get("type")
    return "stop" if value is None or value != value or value == "" else str(value)
