"""Are two answers the same? Yes, no, or not decided (None)."""

from distill.verify.algebra.alternatives import is_of_one, is_tuple, same_as_range
from distill.verify.algebra.axes import by_axes
from distill.verify.algebra.families import same_families
from distill.verify.algebra.groups import same_groups
from distill.verify.algebra.named_sets import same_named_sets
from distill.verify.algebra.nodes import (
    Based,
    Call,
    Cases,
    Family,
    Matrix,
    Node,
    Num,
    Permutation,
    Quantity,
    Ratio,
    Relation,
    Sequence,
    Sym,
    Words,
)  # fmt: skip
from distill.verify.algebra.notations import same_letter, same_notations, same_words
from distill.verify.algebra.piecewise import same_piecewise
from distill.verify.algebra.quantities import same_quantities, same_without_units
from distill.verify.algebra.regions import beside, region, spans
from distill.verify.algebra.relations import same_relations
from distill.verify.algebra.rules import Rules
from distill.verify.algebra.series import indexed, same_series
from distill.verify.algebra.sets import listed
from distill.verify.algebra.several import (
    as_identity,
    is_either,
    of_both_signs,
    rows,
    same_cases,
    same_choices,
    same_matrices,
    same_parts,
    same_sequences,
    spread,
)
from distill.verify.algebra.values import same_value
from distill.verify.algebra.vectors import as_tuple, beside_tuple, by_name


class Comparison:
    """Compares by kind; what is written otherwise on one side only (`x = 5` and `5`) is brought to the other's kind."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def __call__(self, gold: Node, answer: Node) -> bool | None:
        if gold == answer or same_letter(gold, answer):
            return True
        if (told := same_groups(gold, answer)) is not None:
            return told
        if (told := same_named_sets(gold, answer)) is not None:
            return told
        if is_either(gold) or is_either(answer):
            return same_choices(gold, answer, self)
        if isinstance(gold, Family) or isinstance(answer, Family):
            return same_families(gold, answer, self)
        if isinstance(gold, Words) or isinstance(answer, Words):
            return same_words(gold, answer)
        gold, answer = listed(by_name(gold)), listed(by_name(answer))
        if (beside_range := same_as_range(gold, answer)) is not None:
            return beside_range[0]
        if isinstance(gold, Relation) and isinstance(answer, Relation) and (lines := of_both_signs(gold, answer)):
            return same_sequences(*lines, self)
        if isinstance(gold, Relation) or isinstance(answer, Relation):
            return same_relations(gold, answer, self)
        if isinstance(gold, Quantity) or isinstance(answer, Quantity):
            return same_quantities(gold, answer, self)
        if isinstance(gold, Cases) and isinstance(answer, Cases):
            told = same_cases(gold, answer, self)
            return same_piecewise(gold, answer, self) if told is None else told
        if isinstance(gold, Permutation) and isinstance(answer, Permutation):
            return False
        if isinstance(gold, Cases) != isinstance(answer, Cases):
            return same_piecewise(gold, answer, self)
        if isinstance(gold, Cases | Permutation) or isinstance(answer, Cases | Permutation):
            return None
        if (is_tuple(gold) and is_of_one(answer)) or (is_tuple(answer) and is_of_one(gold)):
            return False
        return self._unnamed(spread(gold), spread(answer))

    def _unnamed(self, gold: Node, answer: Node) -> bool | None:
        """No words, no relations, no units."""
        gold, answer = as_tuple(gold), as_tuple(answer)
        if isinstance(gold, Call) != isinstance(answer, Call):
            gold, answer = beside_tuple(by_axes(gold), answer), beside_tuple(by_axes(answer), gold)
            if kind(gold) == "region" and spans(answer) is not None:
                return region(gold) == spans(answer)
        first, second = beside(gold, answer), beside(answer, gold)
        if first is not None and second is not None:
            return first == second
        gold, answer = as_identity(gold, answer), as_identity(answer, gold)
        kinds = {kind(gold), kind(answer)}
        if len(kinds) > 1 and kinds <= DISTINCT:
            return False
        if "matrix" in kinds and rows(gold) and rows(answer):
            return same_matrices(gold, answer, self)
        if isinstance(gold, Sequence) or isinstance(answer, Sequence):
            return same_sequences(gold, answer, self)
        if isinstance(gold, Based | Ratio) or isinstance(answer, Based | Ratio):
            return same_notations(gold, answer, self.rules)
        if kinds == {"region"} and isinstance(gold, Call) and isinstance(answer, Call):
            return same_parts(gold, answer, self)
        if "matrix" in kinds:
            return None
        gold, answer = indexed(gold), indexed(answer)
        if (told := same_series(gold, answer, self)) is not None:
            return told
        told = same_value(gold, answer, self.rules)
        return same_without_units(gold, answer, self) if told is None else told


DISTINCT = frozenset(("value", "matrix", "region"))
"""Kinds that are never the same as another of them."""


def kind(node: Node) -> str:
    """`value`, `matrix`, `region`; anything else is `other`: a pair may be a point, an interval or a vector."""
    if isinstance(node, Matrix):
        return "matrix"
    if isinstance(node, Num):
        return "value"
    if isinstance(node, Call):
        if node.name in ("union", "intersection", "minus"):
            return "region"
        return "matrix" if any(kind(arg) == "matrix" for arg in node.args) else "value"
    if isinstance(node, Sym):
        return "region" if node.name.startswith("set ") else "value"
    return "region" if isinstance(node, Sequence) and region(node) is not None else "other"
