"""math-verify in a process of its own. A killed child costs one `unknown`.

math-verify's own time-out is SIGALRM: it raises off the main thread, and without it one answer can
freeze a process with the interpreter lock held.
"""

from distill.records import VerdictName
from distill.verify.child import serve
from distill.verify.process import NoReply, Worker

MEMORY_BYTES = 4 << 30
"""Address space of the child."""


COMPARING_SECONDS = 0.8
"""Computing time for one comparison."""


class Comparer(Worker):
    """Compares a gold answer with an extracted one; starts its child at the first call."""

    def __init__(self, timeout_seconds: float = COMPARING_SECONDS) -> None:
        super().__init__("distill.verify.worker")
        self.timeout_seconds = timeout_seconds

    def compare(self, gold: str, extracted: str) -> tuple[VerdictName, str]:
        """The verdict and its reason; `unknown` where the child ran out of time or memory."""
        try:
            verdict, reason = self.ask([gold, extracted], self.timeout_seconds)
        except NoReply as e:
            return "unknown", str(e)
        return verdict, reason


def _compare(gold: str, extracted: str) -> tuple[VerdictName, str]:
    from math_verify import parse, verify

    parsed_gold = parse(_boxed(gold), parsing_timeout=None, raise_on_error=False)
    if not parsed_gold:
        return "unknown", "gold answer not understood"
    parsed = parse(_boxed(extracted), parsing_timeout=None, raise_on_error=False)
    if not parsed:
        return "wrong", "answer not understood"
    equal = verify(parsed_gold, parsed, timeout_seconds=None, raise_on_error=False)
    return ("correct", "equal by math-verify") if equal else ("wrong", "different by math-verify")


def _boxed(text: str) -> str:
    """Wrapped, or math-verify reads a bare LaTeX answer wrongly (54 % of MATH's gold answers)."""
    return "\\boxed{" + text.strip().strip("$") + "}"


def answer(question: list[str]) -> tuple[VerdictName, str]:
    try:
        return _compare(*question)
    except (Exception, RecursionError, MemoryError) as e:  # noqa: BLE001 - any failure is "unknown", never a verdict
        return "unknown", f"verifier failed: {type(e).__name__}"


if __name__ == "__main__":
    _compare("\\frac12", "0.5")  # loads what is loaded late
    serve(answer, MEMORY_BYTES)
