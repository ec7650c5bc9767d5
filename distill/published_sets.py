"""How many traces published sets hold, and how long they are: for plans made before a set is downloaded."""

from typing import NamedTuple


class PublishedSet(NamedTuple):
    """What is known of a set of traces."""

    rows: int
    """Traces."""
    tokens: int
    """Mean of a row, prompt and trace, by a vocabulary of about 150,000."""


SETS = {
    "simplescaling/s1K": PublishedSet(1_000, 4_700),
    "simplescaling/s1K-1.1": PublishedSet(1_000, 9_000),
    "GAIR/LIMO-v2": PublishedSet(800, 7_000),
    "NovaSky-AI/Sky-T1_data_17k": PublishedSet(16_401, 3_300),
    "open-thoughts/OpenThoughts-114k": PublishedSet(113_957, 5_355),
    "open-thoughts/OpenThoughts3-1.2M": PublishedSet(1_200_000, 10_000),
    "open-r1/Mixture-of-Thoughts": PublishedSet(349_317, 5_355),
    "UWNSL/Mix-Long_long_0.2_short_0.8": PublishedSet(6_500, 1_100),
}
"""Rows as their cards tell (of the last: about). Tokens are estimates: 5,355 is the mean of DeepSeek-R1's own 804,745
rows (Nature supplement, table 5), taken for sets of its traces; the others are ours, from few rows or like sets."""


def expected_set(hub_id: str | None) -> PublishedSet | None:
    """What is known of a set on the hub."""
    return SETS.get(hub_id or "")
