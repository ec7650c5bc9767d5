"""What `distill verify` takes and tells on the command line."""

from pydantic import ValidationError

from distill.errors import Refused
from distill.recipe_verify import MathRules
from distill.verify.algebra.rules import Rules
from distill.verify.files import Found

MOST_REASONS = 12


def rules_of(settings: list[str]) -> Rules:
    """Conventions from `key=value` pairs.

    Raises:
        Refused: an unknown key or value.
    """
    pairs = dict(setting.partition("=")[::2] for setting in settings)
    for key in pairs:
        if key not in Rules._fields:
            raise Refused(f"--rule={key} is unknown.", f"Rules: {', '.join(Rules._fields)}.")
    try:
        return Rules(**MathRules.model_validate_strings(pairs).model_dump())
    except ValidationError as e:
        first = e.errors()[0]
        key = str(first["loc"][0])
        raise Refused(f"--rule={key}={pairs[key]}: {first['msg'][0].lower()}{first['msg'][1:]}.") from e


def summary(found: Found, other: str | None) -> str:
    """Counts by verdict and by reason, and where another verifier says otherwise."""
    verdicts = {v: sum(n for (verdict, _), n in found.reasons.items() if verdict == v) for v in VERDICTS}
    lines = [", ".join(f"{n:,} {verdict} ({n / found.rows:.1%})" for verdict, n in verdicts.items() if n)]
    common = found.reasons.most_common(MOST_REASONS)
    lines += [f"  {n:>8,}  {verdict:<8} {reason}" for (verdict, reason), n in common]
    if rest := len(found.reasons) - len(common):
        lines.append(f"  and {rest} further reasons")
    if other is not None:
        lines += _compared(found, other)
    return "\n".join(lines)


VERDICTS = ("correct", "wrong", "unknown")


def _compared(found: Found, other: str) -> list[str]:
    agreeing = sum(n for (ours, theirs), n in found.compared.items() if ours == theirs)
    lines = [f"'{other}' agrees on {agreeing:,} of {found.rows:,} rows ({agreeing / found.rows:.1%})"]
    apart = [(pair, n) for pair, n in found.compared.most_common() if pair[0] != pair[1]]
    lines += [f"  {n:>8,}  {ours} here, {theirs} there" for (ours, theirs), n in apart]
    return lines + [f"  {line}" for line in found.disagreements]
