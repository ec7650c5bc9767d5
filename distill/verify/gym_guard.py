"""What may be evaluated of an answer: scorers of reasoning_gym hand answers to `eval` and to sympy's parser.

Here both read data only: numbers, arithmetic, symbols, elementary functions. All else is refused before it runs.
"""

import ast
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from types import CodeType
from typing import Any

MAX_EXPRESSION = 20_000
"""Characters of an expression as sympy's parser writes it out; `x` becomes `Symbol ('x' )`."""

MAX_DEPTH = 300
"""Levels of operators and calls; a sum of n terms has n."""

MAX_EXPONENT = 1000
"""Largest number in an exponent."""

FUNCTIONS = frozenset(
    """sin cos tan cot sec csc asin acos atan acot asec acsc sinh cosh tanh coth asinh acosh atanh sqrt cbrt root exp
    log ln Abs sign""".split()
)
_MAKERS = frozenset("Symbol Integer Float Rational".split())
"""What sympy's parser writes around the names and numbers of a text."""

CONSTANTS = frozenset("E I pi oo zoo nan".split())

_ARITHMETIC = (ast.Expression, ast.Load, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop)
_CONTAINERS = (ast.List, ast.Tuple, ast.Set, ast.Dict)
_POWERS = (ast.Pow, ast.LShift)

refused: list[str] = []
"""Why texts were not evaluated since the list was last cleared: scorers swallow exceptions."""


class NotData(ValueError):
    """A text that would have to be executed."""


def install() -> None:
    """Put the guards in the place of what evaluates, in reasoning_gym and in sympy's parser."""
    import sympy
    from sympy.parsing import sympy_parser

    sympy_parser.eval_expr = _guarded_sympy  # the one place where it evaluates
    sympy.diff, sympy.simplify = _telling(sympy.diff), _telling(sympy.simplify)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "reasoning_gym":
            for builtin, guard in {"eval": literal, "exec": _nothing, "compile": _nothing}.items():
                vars(module).setdefault(builtin, guard)


def literal(text: str, *_: Any) -> Any:
    """The value of lists, texts, numbers and integer arithmetic, as `eval` gives it.

    Raises:
        NotData: anything else in it.
        SyntaxError: no expression.
    """
    tree = _parsed(text)
    for node in ast.walk(tree):
        inside = ast.walk(node) if isinstance(node, ast.BinOp | ast.UnaryOp) else iter(())
        if isinstance(node, ast.Pow) or not isinstance(node, (*_ARITHMETIC, *_CONTAINERS, ast.Constant)):
            raise NotData(f"{type(node).__name__} in an answer")
        if any(isinstance(n, _CONTAINERS) or (isinstance(n, ast.Constant) and _is_text(n)) for n in inside):
            raise NotData("arithmetic with texts")
    return eval(compile(tree, "answer", "eval"), {"__builtins__": {}}, {})


def _guarded_sympy(code: str | CodeType, local_dict: dict[str, Any], global_dict: dict[str, Any]) -> Any:
    """Sympy's `eval_expr` for what its parser has written out."""
    try:
        formula = _formula(code, local_dict)
    except NotData as e:
        refused.append(str(e))
        raise
    return _telling(eval)(compile(formula, "answer", "eval"), {**global_dict, "__builtins__": {}}, local_dict)


def _telling(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with a note where it ran out of memory or levels: that says nothing about the answer."""

    @wraps(function)
    def call(*args: Any, **keys: Any) -> Any:
        try:
            return function(*args, **keys)
        except (MemoryError, RecursionError) as e:
            refused.append(type(e).__name__)
            raise

    return call


def _formula(code: str | CodeType, names: dict[str, Any]) -> ast.Expression:
    """The tree of a formula over known names.

    Raises:
        NotData: it is more than a formula, or too large.
        SyntaxError: it is no expression.
    """
    if not isinstance(code, str):
        raise NotData("compiled code")
    tree = _parsed(code)
    _refuse_large_powers(tree)
    makers = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and _called(n) in _MAKERS]
    texts = {id(argument) for call in makers for argument in call.args}
    heads = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            allowed = _called(node) in FUNCTIONS | _MAKERS and not node.keywords
        elif isinstance(node, ast.Name):
            allowed = id(node) in heads or node.id in CONSTANTS or node.id in names
        elif isinstance(node, ast.Constant):
            allowed = not _is_text(node) or id(node) in texts
        else:
            allowed = isinstance(node, (*_ARITHMETIC, *_CONTAINERS))
        if not allowed:
            raise NotData(f"{type(node).__name__} in a formula")
    return tree


def _refuse_large_powers(tree: ast.AST) -> None:
    """9**9**9 has 369 million digits: no number above MAX_EXPONENT in an exponent, and no power of numbers alone."""
    for power in ast.walk(tree):
        if not (isinstance(power, ast.BinOp) and isinstance(power.op, _POWERS)):
            continue
        if isinstance(power.left, ast.BinOp) and isinstance(power.left.op, _POWERS) and not _holds_symbol(power.left):
            raise NotData("a power too large to compute")
        for node in ast.walk(power.right):
            nested = isinstance(node, ast.BinOp) and isinstance(node.op, _POWERS)
            if (nested and not _holds_symbol(node)) or any(n > MAX_EXPONENT for n in _numbers(node)):
                raise NotData("a power too large to compute")


def _parsed(text: str) -> ast.Expression:
    if not isinstance(text, str):
        raise TypeError("no text")
    if len(text) > MAX_EXPRESSION:
        raise _told("too long to evaluate")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (RecursionError, MemoryError) as e:
        raise _told("nested too deeply") from e
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    if level:
        raise _told("nested too deeply")
    return tree


def _told(reason: str) -> NotData:
    refused.append(reason)
    return NotData(reason)


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_text(node: ast.Constant) -> bool:
    return isinstance(node.value, str | bytes)


def _holds_symbol(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Call) and _called(node) == "Symbol" for node in ast.walk(tree))


def _numbers(node: ast.AST) -> Iterator[float]:
    """Numbers as the parser writes them, plain or as the text of a Float."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield abs(node.value)
    if isinstance(node, ast.Call) and _called(node) in ("Float", "Integer", "Rational"):
        texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        for text in texts:
            try:
                yield abs(float(text))
            except ValueError as e:
                raise NotData("no number") from e


def _nothing(*_: Any, **__: Any) -> Any:
    raise NotData("code in place of data")
