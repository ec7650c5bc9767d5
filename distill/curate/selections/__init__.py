"""Which of the traces that are left teach: the published selections, and the baselines they are measured against.

Each takes a `Pool` and returns rows of it in the order chosen, with a word on why. All draws come from a seed and the
traces' ids, so that the same pool gives the same rows on any machine, in whatever order its traces arrived.
"""

from distill.curate.selections.baselines import everything, longest, randomly, shortest
from distill.curate.selections.limo import limo
from distill.curate.selections.openthoughts import openthoughts
from distill.curate.selections.pool import Chosen, Pool
from distill.curate.selections.s1 import s1
from distill.curate.selections.small_student import small_student

__all__ = [
    "Chosen",
    "Pool",
    "everything",
    "limo",
    "longest",
    "openthoughts",
    "randomly",
    "s1",
    "shortest",
    "small_student",
]
