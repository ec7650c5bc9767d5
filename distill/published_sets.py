"""How many traces published sets hold, and how long they are: for plans made before a set is downloaded."""

from typing import NamedTuple


class PublishedSet(NamedTuple):
    """What is known of a set of traces."""

    rows: int
    """Traces."""
    tokens: int
    """Mean of a row, prompt and trace, by a vocabulary of about 150,000."""
    measured: bool
    """False: tokens are our estimate, from a few rows or from other sets of the same teacher."""


SETS = {
    "simplescaling/s1K": PublishedSet(1_000, 4_700, False),
    "simplescaling/s1K-1.1": PublishedSet(1_000, 9_000, False),
    "GAIR/LIMO-v2": PublishedSet(800, 7_000, False),
    "NovaSky-AI/Sky-T1_data_17k": PublishedSet(16_401, 3_300, False),
    "open-thoughts/OpenThoughts-114k": PublishedSet(113_957, 5_355, False),
    "open-thoughts/OpenThoughts3-1.2M": PublishedSet(1_200_000, 10_000, False),
    "open-r1/Mixture-of-Thoughts": PublishedSet(349_317, 5_355, False),
    "UWNSL/Mix-Long_long_0.2_short_0.8": PublishedSet(6_500, 1_100, False),
}
"""Rows as their cards tell. 5,355 tokens is the mean of DeepSeek-R1's own 804,745 rows (Nature supplement, table 5),
taken for other sets of its traces."""


def expected_set(hub_id: str | None) -> PublishedSet | None:
    """What is known of a set on the hub."""
    return SETS.get(hub_id or "")
