"""What teachers and students log while a run goes on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hearing(notices: logging.Handler) -> Iterator[None]:
    """Show what teachers and students log while a run goes on."""
    loggers = [logging.getLogger(name) for name in ("distill", "teachers", "students")]
    for logger in loggers:
        logger.addHandler(notices)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(notices)
