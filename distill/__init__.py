"""Turn a large reasoner into small students: problems, traces, verdicts, a curated set, a student, an evaluation."""

__version__ = "0.1.0"
