"""The command line run in this process, for the tests."""


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


def refused(outcome: Outcome, said: str) -> None:
    """Exit 2, one sentence, hints below it, no traceback."""
    assert outcome.code == 2, outcome.err
    assert said in outcome.err
    lines = outcome.err.strip().splitlines()
    (told,) = [i for i, line in enumerate(lines) if line.startswith("refused: ")]
    assert all(line.startswith("  ") for line in lines[told + 1 :])
    assert "Traceback" not in outcome.err
