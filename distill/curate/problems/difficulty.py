"""Which problems are neither too easy nor too hard, from numbers that are known of them.

Every function answers True (keep), False, or None where it cannot be told: too few samples, a verdict that is
`unknown`, a number that is missing. None is not False; the caller decides and counts.

One model's single answer tells little: a problem that is solved half of the time looks hard to every second guess. It
is taken for nothing unless `accept_a_single_guess` is set.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from distill.errors import Refused
from distill.wording import setting

Side = Literal["below", "inside", "above"]

_GUESS = "curate.difficulty.accept_a_single_guess"
SINGLE = "A problem that is solved half of the time looks hard to every second guess"


@dataclass(frozen=True)
class Band:
    """Pass rates by counts: solved `low` to `high` times of `of`. LIMO keeps 1 to 3 of 32.

    Raises:
        Refused: they do not rise, or take all.
    """

    low: int = 1
    high: int = 3
    of: int = 32

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= self.of or self.of < 1:
            raise Refused(f"a band of {self} is none.", "It is low to high of so many samples: 0 <= low <= high <= of.")
        if self.low == 0 and self.high == self.of:
            raise Refused(f"a band of {self} takes every problem.")

    def __str__(self) -> str:
        return f"{self.low} to {self.high} of {self.of}"

    @property
    def rates(self) -> tuple[float, float]:
        """The pass rates that are nearer to a count inside than to one outside: from half a count below to half above.

        1 to 3 of 32 are 1.6 % to 10.9 %.
        """
        low = 0.0 if self.low == 0 else (self.low - 0.5) / self.of
        return low, 1.0 if self.high == self.of else (self.high + 0.5) / self.of


def side(band: Band, accepted: int, sampled: int, accept_a_single_guess: bool = False) -> Side | None:
    """Where a problem lies by its counts.

    With `band.of` samples it is the band as written. With fewer, it is what the samples that are missing can no longer
    change (four right answers are more than 3 of 32 whatever comes); else, as with more, the count is scaled to
    `band.of` samples and rounded, halves up. None where no count of so few samples falls into the band: of eight
    samples 0 are 0 of 32 and 1 is 4 of 32, and nobody knows which of them has a rate of 2.

    Raises:
        Refused: counts that cannot be.
    """
    _refuse_impossible(accepted, sampled)
    if sampled == 0 or (sampled == 1 and not accept_a_single_guess):
        return None
    if sampled < band.of and (certain := _decided(band, accepted, band.of - sampled)):
        return certain
    if not any(_scaled_side(band, count, sampled) == "inside" for count in _near(band, sampled)):
        return None
    return _scaled_side(band, accepted, sampled)


def _decided(band: Band, accepted: int, left: int) -> Side | None:
    """What the samples that are left cannot change."""
    if accepted > band.high:
        return "above"
    if accepted + left < band.low:
        return "below"
    return "inside" if accepted >= band.low and accepted + left <= band.high else None


def _scaled_side(band: Band, accepted: int, sampled: int) -> Side:
    scaled = (2 * accepted * band.of + sampled) // (2 * sampled)
    return "below" if scaled < band.low else "inside" if scaled <= band.high else "above"


def _near(band: Band, sampled: int) -> range:
    """The only counts of so many samples that can fall into the band."""
    return range(band.low * sampled // band.of - 1, (band.high + 1) * sampled // band.of + 2)


def in_band(
    band: Band,
    accepted: int,
    sampled: int,
    certainty: float | None = None,
    prior: tuple[float, float] = (1.0, 1.0),
    accept_a_single_guess: bool = False,
) -> bool | None:
    """Is the problem in the band?

    Without `certainty` by its counts (`side`). With it, True where the pass rate lies inside `band.rates` with at least
    this chance, False where it lies outside with at least this chance, None in between.

    Raises:
        Refused: counts, a certainty or a prior that cannot be.
    """
    if certainty is None:
        where = side(band, accepted, sampled, accept_a_single_guess)
        return None if where is None else where == "inside"
    if not 0.5 < certainty < 1:
        raise Refused(f"certainty={certainty} is none: it lies above 0.5 and below 1.", "Without one, counts decide.")
    inside = chance_inside(band, accepted, sampled, prior)
    if sampled == 0 or (sampled == 1 and not accept_a_single_guess):
        return None
    return True if inside >= certainty else False if 1 - inside >= certainty else None


def chance_inside(band: Band, accepted: int, sampled: int, prior: tuple[float, float] = (1.0, 1.0)) -> float:
    """Chance that the pass rate lies inside `band.rates`, given the counts.

    `prior` is the Beta of what else is known of the problem: (1, 1) nothing; an adaptive harvest has a better one, from
    all the problems of its run.

    Raises:
        Refused: counts or a prior that cannot be.
    """
    from scipy.special import betainc

    _refuse_impossible(accepted, sampled)
    if not (0 < prior[0] < float("inf") and 0 < prior[1] < float("inf")):
        raise Refused(f"a prior of {prior} is none: both numbers of a Beta are above 0.")
    a, b = prior[0] + accepted, prior[1] + sampled - accepted
    low, high = band.rates
    return float(betainc(a, b, high) - betainc(a, b, low))


def _refuse_impossible(accepted: int, sampled: int) -> None:
    if not 0 <= accepted <= sampled:
        raise Refused(f"{accepted} accepted of {sampled} samples cannot be.")


def refuse_single_guesses(sampled: Iterable[int]) -> None:
    """
    Raises:
        Refused: there are problems with samples, and none has more than one.
    """
    found = {min(count, 2) for count in sampled}
    if 1 in found and 2 not in found:
        raise Refused(
            f"every problem was answered once. {SINGLE}.",
            f"Sample each at least twice, or set {setting(_GUESS, 'true')}.",
        )


def failed_by_panel(
    attempts: Mapping[str, Sequence[bool | None]],
    fails: Literal["all", "any"] = "all",
    accept_a_single_guess: bool = False,
) -> bool | None:
    """Do the models of a panel fail at the problem? `attempts` has each model's verdicts, None where it is `unknown`.

    A model fails where it was right in none of its attempts. `all`: each of them does, which is how s1 (Muennighoff et
    al. 2025, section 2.2) keeps problems, with two models of one attempt each, and LIMO's second step with one of four.
    `any`: at least one of them does. None where an unknown verdict, or a model without attempts, could change it.

    Raises:
        Refused: no models, or one attempt of one model, without `accept_a_single_guess`.
    """
    if not attempts:
        raise Refused("a panel of no models judges nothing.")
    if len(attempts) == 1 and not accept_a_single_guess and all(len(verdicts) <= 1 for verdicts in attempts.values()):
        (name,) = attempts
        raise Refused(
            f"the panel is one answer of one model, {name}: nothing lies between 0 and 1. {SINGLE}.",
            f"Ask another model, or this one several times, or set {setting(_GUESS, 'true')}.",
        )
    failed = [_failed(verdicts) for verdicts in attempts.values()]
    decided = fails == "any"  # what one model's verdict of this kind decides
    if decided in failed:
        return decided
    return None if None in failed else not decided


def _failed(verdicts: Sequence[bool | None]) -> bool | None:
    if any(verdicts):
        return False
    return None if not verdicts or None in verdicts else True


def between(value: float | None, least: float | None = None, most: float | None = None) -> bool | None:
    """Does a number that is known beforehand, such as a level, lie between two, both included? None where it is not
    known.

    Raises:
        Refused: no limit, or limits that leave nothing.
    """
    if least is None and most is None:
        raise Refused("a range without least and most takes every problem.")
    if least is not None and most is not None and least > most:
        raise Refused(f"a range from {least} to {most} takes no problem.")
    if value is None or value != value:
        return None
    return (least is None or value >= least) and (most is None or value <= most)


def length_between(tokens: Sequence[int], least: float | None = None, most: float | None = None) -> bool | None:
    """The same for the length of a problem's traces: the median (of an even number the lower one).

    Longer answers are a model's own sign of a hard problem (OpenThoughts3, arXiv 2506.04178, chooses science questions
    so; s1 keeps MATH problems above 5,600 tokens). Answers that were cut have no length: leave them out.

    Raises:
        Refused: as `between`.
    """
    return between(sorted(tokens)[(len(tokens) - 1) // 2] if tokens else None, least, most)
