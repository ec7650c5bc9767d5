"""Control, Scaling and Performance of the curves that s1 published, beside what its table 3 prints.

    python benchmarks/s1_metrics.py

The points of figures 1 and 6 are read from the vector graphics in the repository of s1 (visuals/scaling.pdf and
rejection_stretched.pdf at 77272c6): places of the markers between the ticks of the axes, which fall on whole problems
of 30. Table 14 is that of the paper.
"""

from distill.scaling.metrics import Point, control, performance, scaling, scaling_per_thousand

FIGURE_1 = [
    Point(500.0, 0 / 30, most=500),
    Point(1000.0, 4 / 30, most=1000),
    Point(2000.0, 9 / 30, most=2000),
    Point(3933.1, 13 / 30, most=4000),
    Point(5300.2, 15 / 30, most=8000),
    Point(6656.8, 16 / 30),
    Point(7319.5, 17 / 30),
]
"""AIME24; the first five have a budget (500 to 8,000 in eval/commands.sh), the others leave out the end."""

FIGURE_6 = [
    Point(2974.2, 12 / 30, most=3500),
    Point(3702.9, 11 / 30),
    Point(4343.8, 10 / 30),
    Point(4733.8, 9 / 30),
    Point(5192.7, 8 / 30),
    Point(5292.9, 7 / 30),
]
"""Rejection sampling. Which budgets belong to the points is not told consistently."""

TABLE_14 = [Point(8033, 9 / 30, most=6109), Point(9651, 11 / 30, least=6109)]
"""Short and long thinking asked for in words; 6,109 tokens without."""

PRINTED = {"figure 1": (100, 15, 56.7), "figure 6": (100, -35, 40.0), "table 14": (50, 25, 36.7)}
"""Control, Scaling and Performance in table 3."""


def row(points: list[Point]) -> str:
    kept, doubling, thousand = control(points), scaling(points), scaling_per_thousand(points)
    assert kept is not None
    assert doubling is not None
    assert thousand is not None
    best = 100 * performance(points)
    return f"control {100 * kept:.0f}, {doubling:+.2f} a doubling, {thousand:+.2f} per 1,000 tokens, best {best:.1f}"


def main() -> None:
    curves = {
        "figure 1": FIGURE_1,
        "  its five budgets": FIGURE_1[:5],
        "figure 6": FIGURE_6,
        "  without its first": [*FIGURE_6[1:-1], Point(5292.9, 7 / 30, most=16000)],
        "table 14": TABLE_14,
    }
    for name, points in curves.items():
        printed = "control {}, scaling {:+d}, performance {}".format(*PRINTED[name]) if name in PRINTED else ""
        print(f"{name:<20} {row(points)}" + (f"; printed: {printed}" if printed else ""))


if __name__ == "__main__":
    main()
