"""Few long traces make a small student worse: refused unless the recipe says that it is meant.

Students of up to 3 billion parameters learn less from long traces than from short ones (Li et al., arXiv 2502.12143),
and LIMO's set took Qwen2.5-1.5B-Instruct from 53.8 to 15.8 % on MATH (GAIR-NLP/LIMO#15). With hundreds of thousands of
rows they do profit: R1-Distill-Qwen-1.5B, OpenMath-Nemotron-1.5B.
"""

from distill.errors import Refused
from distill.recipe import Train

SMALL = 3.5e9
"""Parameters; models that are called 3B have up to 3.2 billion."""

LONG = 3000
"""Tokens of a row, on average. The mixture for small students has about 1,100, sets of R1's and QwQ's traces more than
this."""

FEW = 100_000
"""Rows."""


def refuse_long_traces(train: Train, parameters: int, rows: int, row_tokens: float) -> None:
    """
    Raises:
        Refused: few long traces for a small student, and `accept_long_traces` is not set.
    """
    if train.accept_long_traces or parameters > SMALL or rows >= FEW or row_tokens < LONG:
        return
    raise Refused(
        f"{rows:,} traces of about {round(row_tokens, -2):,.0f} tokens are to teach a student of "
        f"{parameters / 1e9:.2g} billion parameters: few long traces make students of up to 3 billion worse.",
        "Take preset=small-student or curate.select=small-student, or train.accept_long_traces=true if you mean it.",
    )
