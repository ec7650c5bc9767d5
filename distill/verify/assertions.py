"""What assertions of a data set name: which of it they test, and what they take from elsewhere."""

import ast
import builtins
import sys
from collections.abc import Iterator

_STANDARD = frozenset(
    "isclose isnan isinf isfinite Counter defaultdict OrderedDict deque namedtuple Fraction Decimal reduce "
    "chain".split()
)
"""Names that tests may take from the standard library without saying so."""


class HelperUnknown(Exception):
    """Tests rely on a function that may be anybody's."""


def tested(checks: tuple[str, ...], setup: str, given: set[str], reference: str) -> tuple[set[str], bool]:
    """Names that are tested, and whether a program may supply others.

    `given` are those that come with the tests. The reference program, if there is one, tells what is tested: what it
    defines; else all that is called is.

    Raises:
        HelperUnknown: what compares results could be the program's own.
    """
    nodes = [node for check in checks for node in ast.walk(ast.parse(check))]
    named = {node.id for node in nodes if isinstance(node, ast.Name)} - (given | _bound(nodes))
    called = {name for node in nodes if isinstance(node, ast.Call) and (name := _callee(node)) in named}
    theirs = _functions(reference)
    if called & theirs:
        prepared = {node.id for node in ast.walk(ast.parse(setup)) if isinstance(node, ast.Name)}
        return (named | prepared - given) & theirs, False
    called = {n for n in called - _STANDARD if not hasattr(builtins, n)}
    if any(_compares_itself(node, called) for node in nodes):
        raise HelperUnknown("tests call a helper that they do not define")
    functions = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return functions & called, True


def _callee(call: ast.Call) -> str:
    """The name that is called, or whose attribute is, if that is no module of the standard library."""
    function = call.func.value if isinstance(call.func, ast.Attribute) else call.func
    name = function.id if isinstance(function, ast.Name) else ""
    return "" if function is not call.func and name in sys.stdlib_module_names else name


def _compares_itself(node: ast.AST, called: set[str]) -> bool:
    """Does an assertion ask one function whether another's result is right, or for what it has to be?"""
    if not isinstance(node, ast.Assert):
        return False
    test = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
    if isinstance(test, ast.Call):
        within = {name for argument in test.args for name in _calls(argument, called)}
        return _callee(test) in called and bool(within - {_callee(test)}) and not _callee(test)[0].isupper()
    if isinstance(test, ast.Compare):
        sides = [set(_calls(side, called)) for side in (test.left, *test.comparators)]
        return all(sides) and not set.intersection(*sides)
    return False


def _calls(tree: ast.AST, called: set[str]) -> Iterator[str]:
    """Functions of those that are called in an expression; classes are what results are made of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (name := _callee(node)) in called and not name[0].isupper():
            yield name


def _bound(nodes: list[ast.AST]) -> set[str]:
    """Names that the checks themselves give to something."""
    found = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    found |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    return found.union(*(_defined_by(node) for node in nodes))


def _defined_by(node: ast.AST) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return set()


def _functions(source: str) -> set[str]:
    """Names of functions and classes at the top of a trusted source."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.parse(source).body if isinstance(node, kinds)}


def defined(source: str) -> set[str]:
    """Names of functions, classes and imports at the top of a trusted source."""
    return {name for node in ast.parse(source).body for name in _defined_by(node)}
