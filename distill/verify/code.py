"""Programs: the one that a response gives is run against the problem's tests, in a sandbox or not at all.

Limits are of processor time, so that a verdict does not depend on what else the machine does. What the sandbox cannot
run is `unknown`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from distill.errors import Refused
from distill.recipe_verify import CodeLimits
from distill.verify.judgement import Judgement, correct, unknown, wrong
from distill.verify.printed import same_output
from distill.verify.programs import MOST_CHARACTERS, behind, extract
from distill.verify.sandbox import Limits, Sandbox, Unavailable, prove
from distill.verify.suites import NotUnderstood, Suite, suite_of

SHOWN = 400
"""Characters of a program that a verdict keeps."""

ISOLATIONS = {"bubblewrap": "bubblewrap", "none-i-accept-the-risk": "none"}
"""Name in recipes -> that of the sandbox."""


class Runner:
    """The sandboxes of this process, proved before its first program: one for each thread that asks at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._all: list[Sandbox] = []
        self._idle: list[Sandbox] = []
        self.limits = Limits()
        self.isolation = "bubblewrap"

    def configure(self, code: CodeLimits) -> None:
        """Take limits and isolation of a recipe."""
        wall = max(120.0, 10 * code.cpu_seconds)
        self.limits = Limits(cpu=code.cpu_seconds, memory=code.memory_mib << 20, wall=wall)
        self.isolate(code.sandbox)

    def isolate(self, how: str) -> None:
        """Set the isolation, under its name in recipes.

        Raises:
            Refused: there is none of that name.
        """
        if how not in ISOLATIONS:
            raise Refused(f"verify.code.sandbox={how} is unknown.", f"It is one of: {', '.join(ISOLATIONS)}.")
        with self._lock:
            if ISOLATIONS[how] != self.isolation:
                self._end_all()
            self.isolation = ISOLATIONS[how]

    def sandbox(self) -> Sandbox:
        """The first sandbox, if it holds what it promises.

        Raises:
            Refused: naming what does not hold.
        """
        with self._lock:
            if not self._all:
                made = Sandbox(self.isolation)
                if self.isolation != "none":
                    _refuse_unless_proved(made)
                self._all, self._idle = [made], [made]
            return self._all[0]

    @contextmanager
    def lent(self) -> Iterator[Sandbox]:
        """A sandbox that runs nothing, for one program.

        Raises:
            Refused: as `sandbox` does.
        """
        self.sandbox()
        with self._lock:
            if not self._idle:
                self._idle.append(Sandbox(self.isolation))
                self._all.append(self._idle[0])
            found = min(self._idle, key=self._all.index)  # the first are warm
            self._idle.remove(found)
        try:
            yield found
        finally:
            with self._lock:
                if found in self._all:
                    self._idle.append(found)

    def close(self) -> None:
        """End all programs that run; those who wait for them hear that the sandbox is gone."""
        with self._lock:
            self._end_all()

    def _end_all(self) -> None:
        ended, self._all, self._idle = self._all, [], []
        for sandbox in ended:
            sandbox.close()


runner = Runner()


def _refuse_unless_proved(sandbox: Sandbox) -> None:
    hint = "`distill doctor` says more; verify.code.sandbox=none-i-accept-the-risk runs programs with your own rights."
    try:
        failing = {name: why for name, why in prove(sandbox).items() if why}
    except Unavailable as e:
        sandbox.close()
        raise Refused(f"model-written programs cannot be run in isolation here ({e}).", hint) from e
    if failing:
        sandbox.close()
        name, why = next(iter(failing.items()))
        raise Refused(f"model-written programs cannot be run in isolation here: '{name}' fails ({why}).", hint)


def judge(response: str, answer: str, data: dict) -> Judgement:
    """Judge the program in a response by the tests in `data` (see `suites.py`); `answer` is not used."""
    try:
        suite = suite_of(data)
    except NotUnderstood as e:
        return unknown(None, str(e))
    program = extract(response, suite.names)
    if program is None:
        return wrong(None, "no program")
    shown = program[:SHOWN]
    if len(program) > MOST_CHARACTERS:
        return wrong(shown, "program too long")
    try:
        with runner.lent() as sandbox:
            reason = _run(suite, behind(suite.prefix, program), sandbox)
    except Unavailable as e:
        return unknown(shown, str(e))
    if reason is None:
        count = len(suite.checks) or len(suite.cases)
        return correct(shown, f"passes {count} test{'s' if count > 1 else ''}")
    return unknown(shown, reason.removeprefix("unknown: ")) if reason.startswith("unknown: ") else wrong(shown, reason)


def _run(suite: Suite, program: str, sandbox: Sandbox) -> str | None:
    """Why a program is not right, None if it is."""
    if suite.cases:
        return _fed(suite, program, sandbox)
    report = sandbox.call(program, suite.tests(), runner.limits)
    if report.get("passed") == len(suite.checks):
        return None
    if "broken" in report:
        return f"unknown: tests fail by themselves: {report['broken']}"
    return str(report.get("reason")) or f"failed test {report.get('failed')}"


def _fed(suite: Suite, program: str, sandbox: Sandbox) -> str | None:
    with _closing(sandbox.feed(program, (given for given, _ in suite.cases), runner.limits)) as outputs:
        for number, (found, (_, wanted)) in enumerate(zip(outputs, suite.cases, strict=True), 1):
            if found["reason"]:
                return str(found["reason"])
            if not same_output(found["output"], wanted, suite.comparison):
                return f"failed test {number}"
    return None


@contextmanager
def _closing(outputs: Iterator[dict]) -> Iterator[Iterator[dict]]:
    try:
        yield outputs
    finally:
        outputs.close()  # type: ignore[attr-defined]
