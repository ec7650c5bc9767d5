"""The command: `distill`, or `python -m distill`."""

import sys

from distill import heap


def main() -> None:
    heap.start_again(sys.argv[1:])  # before anything large is imported
    from distill.cli import main as verbs

    verbs()


if __name__ == "__main__":
    main()
