"""The two ways a run ends early: refused (exit 2, nothing was done) and failed (exit 1)."""


class DistillError(Exception):
    """A failure told in one sentence: what was set, what it means; `hint` says what to do."""

    exit_code = 1

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class Refused(DistillError):
    """The result would be wrong or nothing could come of it, so nothing was started."""

    exit_code = 2
