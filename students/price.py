"""How long training would take on rented cards, and what it would cost: arithmetic, predicted and not measured.

The time is operations (`operations.py`) over the cards' peak times the share of it that is assumed.
"""

from typing import Any, NamedTuple

from distill.recipe import Train
from students.fit import GIB, USABLE, needs
from students.operations import operations_of


class Card(NamedTuple):
    """A card that can be rented."""

    name: str
    gib: int
    teraflops: float
    """Dense bfloat16 with float32 sums, as NVIDIA's data sheets have it."""
    dollars: float
    """An hour."""
    linked: bool
    """NVLink between the cards of a machine."""


CARDS = (
    Card("RTX 4090", 24, 165.2, 0.34, False),
    Card("RTX 5090", 32, 209.5, 0.69, False),
    Card("L40S", 48, 362.05, 0.79, False),
    Card("H100", 80, 989.4, 2.69, True),
    Card("H200", 141, 989.4, 3.59, True),
)
PRICES = "RunPod's lowest prices of March 2026"
"""As listed by deploybase.ai/articles/runpod-gpu-pricing; elsewhere and later they are others."""

MACHINE = 8
"""Cards of one machine."""

PATIENCE = 4
"""Hours beyond which a whole machine is told too."""

SHARE, UNLINKED, IN_4_BITS = 0.40, 0.25, 0.8
"""Of the peak that is assumed to be reached; where several cards without NVLink share a model; times this where the
base is unpacked from 4 bits at every use. No figure of ours on a GPU: 0.35 to 0.45 is what well-kept trainers tell."""

SPREAD = 2
"""Mean of the squared length over the squared mean: attention works on a long trace longest. 2 is that of an
exponential distribution, near that of long reasoning."""


class Offer(NamedTuple):
    """Cards on which training would fit."""

    card: Card
    cards: int
    """How many of it."""
    hours: float

    @property
    def dollars(self) -> float:
        return self.hours * self.cards * self.card.dollars


def operations(config: Any, train: Train, tokens: int, row_tokens: int) -> float:
    """Floating-point operations to train on so many tokens, all epochs together, in rows of so many on average."""
    length = min(SPREAD * row_tokens, train.max_length)
    return operations_of(config, train, recomputed=True).of(tokens, float(tokens) * length)


def offers(config: Any, train: Train, bytes_per_weight: int, tokens: int, row_tokens: int) -> list[Offer]:
    """Of each card as few as training fits on (1, 2, 4 or 8), with the hours; where that takes long, a whole machine.

    Cards of which eight are too small are left out.
    """
    work, wanted = operations(config, train, tokens, row_tokens), needs(config, train, bytes_per_weight)
    fewest = [(card, next((n for n, each in wanted if each <= USABLE * card.gib * GIB), None)) for card in CARDS]
    setups = [(card, count) for card, count in fewest if count is not None]
    found = [Offer(card, count, _hours(work, train, card, count)) for card, count in setups]
    linked = next((offer for offer in found if offer.card.linked), None)
    if linked is not None and linked.cards < MACHINE and linked.hours > PATIENCE:
        found.append(Offer(linked.card, MACHINE, _hours(work, train, linked.card, MACHINE)))
    return found


def _hours(work: float, train: Train, card: Card, count: int) -> float:
    return work / (_share(train, card, count) * card.teraflops * 1e12 * count) / 3600


def _share(train: Train, card: Card, count: int) -> float:
    """Of the cards' peak, what training is assumed to reach."""
    linked = card.linked or count == 1
    return (SHARE if linked else UNLINKED) * (IN_4_BITS if train.method == "qlora" else 1)


def told(found: list[Offer]) -> list[str]:
    """A line for each offer."""
    lines = []
    for offer in found:
        money = f"${max(offer.dollars, 0.01):.2f}" if offer.dollars < 10 else f"${offer.dollars:,.0f}"
        cards = f"{offer.cards} x {offer.card.name} ({offer.card.gib} GB)"
        lines.append(f"{cards:<22}{_in_words(offer.hours):>9}{money:>10}")
    return lines or ["on no eight cards of those that are known"]


def _in_words(hours: float) -> str:
    if hours < 1:
        return f"{max(1, round(60 * hours))} min"
    return f"{hours:.1f} h" if hours < 10 else f"{hours:,.0f} h"


def assumptions(train: Train) -> str:
    """What the hours rest on, in a clause."""
    one, several = _share(train, CARDS[0], 1), _share(train, CARDS[0], MACHINE)
    return f"{one:.2f} of the peak assumed, {several:.2f} over several cards without NVLink; {PRICES}"
