"""Before an evaluation: gold answers that no model could match."""

import pytest

from distill.errors import Refused
from distill.evaluate.stage import refuse_broken_gold
from distill.records import Problem


def test_a_gold_answer_that_no_model_could_match_is_refused() -> None:
    good = Problem(id="a", question="q", answer="3", kind="math", source="t")
    refuse_broken_gold([good])
    with pytest.raises(Refused, match="does not verify as equal to itself"):
        refuse_broken_gold([good, Problem(id="b", question="q", answer="}{", kind="math", source="t")])
    with pytest.raises(Refused, match="no held-out problem"):
        refuse_broken_gold([])
    with pytest.raises(Refused, match="without a gold answer, which nothing can match: c"):
        refuse_broken_gold([good, good.model_copy(update={"id": "c", "answer": " "})])
    with pytest.raises(Refused, match="problems that stand twice: a"):
        refuse_broken_gold([good, good])
    refuse_broken_gold([Problem(id="d", question="q", answer="", kind="countdown", source="t")])
