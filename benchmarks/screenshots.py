"""Pictures of the pages of a run for the docs: docs/report.png (a desk, light) and docs/report-phone.png (dark).

    distill run recipes/quickstart.yaml
    python benchmarks/screenshots.py runs/quickstart [--docs docs]

The report is written again. Needs playwright and a chromium.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from browser import PHONE, browser, opened

from distill.report.page import write_report

DESK_WIDE, DESK_HIGH, PHONE_HIGH = 1000, 1080, 1080
"""Pixels that are shown: the first question with all that answers it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[1] / "docs")
    args = parser.parse_args()
    page = write_report(args.run)
    with browser() as started:
        for name, size, dark in (
            ("report.png", (DESK_WIDE, DESK_HIGH), False),
            ("report-phone.png", (PHONE[0], PHONE_HIGH), True),
        ):
            with opened(started, page, size, dark) as seen:
                seen.page.screenshot(path=args.docs / name)
            print(f"{args.docs / name}: {(args.docs / name).stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
