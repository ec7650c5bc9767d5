"""How many rows each source gives to a mix, and in which order the rows are learned."""

from collections.abc import Mapping
from fractions import Fraction
from math import floor

from distill.errors import Refused
from distill.wording import counted, setting


def shares(
    weights: Mapping[str, float | Fraction], available: Mapping[str, int], count: int | None = None
) -> dict[str, int]:
    """Rows of each source in a mix of `count`, by the largest remainder; equal remainders by name.

    Without `count` as many as keep the weights with what each source has. The weights 3 and 1 are R1's 600,000 rows of
    reasoning and 200,000 others (Guo et al., DeepSeek-R1, section 2.3.3). A weight is the decimal number that was
    written: 0.95 is 19 of 20, which its binary fraction is not.

    Raises:
        Refused: no positive weight, or a source has fewer rows than its share.
    """
    exact = {name: Fraction(str(weight)) for name, weight in sorted(weights.items()) if weight > 0}
    total = sum(exact.values(), Fraction(0))
    if not total:
        raise Refused("the weights of a mix are all zero.")
    if count is None:
        count = floor(min(Fraction(available.get(name, 0)) * total / weight for name, weight in exact.items()))
    wanted = {name: count * weight / total for name, weight in exact.items()}
    rows = {name: floor(share) for name, share in wanted.items()}
    by_remainder = sorted(wanted, key=lambda name: (rows[name] - wanted[name], name))
    for name in by_remainder[: count - sum(rows.values())]:
        rows[name] += 1
    for name, share in rows.items():
        if share > available.get(name, 0):
            raise Refused(
                f"the mix wants {counted(share, 'row')} of '{name}', which has {available.get(name, 0)}.",
                f"Fewer rows in all, a smaller weight, or {setting('curate.fill', 'less')} for as many as there are.",
            )
    return rows
