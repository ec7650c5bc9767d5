"""What `distill verify` takes and tells on the command line."""

from pydantic import model_validator

from distill.recipe import Accept, Verify
from distill.recipe_base import Section
from distill.verify.files import Found

MOST_REASONS = 12

VERDICTS = {"correct": "correct", "wrong": "wrong", "unknown": "unknown"}

OF_FORM = VERDICTS | {"correct": "no flaw", "wrong": "flawed"}
"""What the verdicts mean where the form alone is judged."""


class Settings(Section):
    """Keys of a recipe that concern verdicts."""

    verify: Verify = Verify()
    accept: Accept | None = None
    """As `harvest.accept` in a recipe."""

    @model_validator(mode="after")
    def _of_texts(self) -> "Settings":
        if self.accept is not None and (self.accept.max_tokens or self.accept.min_tokens):
            raise ValueError("accept.max_tokens and min_tokens need the counts of a harvest; a file does not hold them")
        return self


def summary(found: Found, other: str | None) -> str:
    """Counts by verdict and by reason, and where another verifier says otherwise."""
    words = OF_FORM if set(found.kinds) == {"flaws"} else VERDICTS
    verdicts = {v: sum(n for (verdict, _), n in found.reasons.items() if verdict == v) for v in VERDICTS}
    lines = [", ".join(f"{n:,} {words[verdict]} ({n / found.rows:.1%})" for verdict, n in verdicts.items() if n)]
    common = found.reasons.most_common(MOST_REASONS)
    told = [(n, words[verdict], reason) for (verdict, reason), n in common]
    lines += [f"  {n:>8,}  {word:<8} {reason if reason != word else ''}".rstrip() for n, word, reason in told]
    if rest := len(found.reasons) - len(common):
        lines.append(f"  and {rest} further reasons")
    if found.flaws:
        lines.append(f"{found.flaws.total():,} correct answers have a flaw")
        lines += [f"  {n:>8,}  {flaw}" for flaw, n in found.flaws.most_common(MOST_REASONS)]
    if other is not None:
        lines += _compared(found, other)
    return "\n".join(lines)


def _compared(found: Found, other: str) -> list[str]:
    agreeing = sum(n for (ours, theirs), n in found.compared.items() if ours == theirs)
    read = sum(n for (_, theirs), n in found.compared.items() if theirs is not None)
    lines = [f"'{other}' agrees on {agreeing:,} of {read:,} rows ({agreeing / read:.1%})"]
    apart = [(pair, n) for pair, n in found.compared.most_common() if pair[0] != pair[1] and pair[1] is not None]
    lines += [f"  {n:>8,}  {ours} here, {theirs} there" for (ours, theirs), n in apart]
    if found.unread:
        lines.append(f"  {found.rows - read:>8,}  no verdict there ({', '.join(found.unread)}): not counted")
    return lines + [f"  {line}" for line in found.disagreements]
