"""Tokens a second, hours and price of 100,000 traces, from the published speed of engines: arithmetic, no measurement.

    python benchmarks/scale_price.py [--traces 100000] [--tokens 8000] [--h100 2.50] [--h200 3.50]

Prints the table of docs/scale.md. A speed is what others measured on one server with a saturated queue, times the
number of servers: short answers, no idle end. The last column says what a quarter of that speed would cost.
"""

import argparse
from dataclasses import dataclass


@dataclass(frozen=True)
class Setup:
    """Machines, and what was published of one server on them."""

    machines: str
    teacher: str
    gpus: int
    gpu: str
    servers: int
    speed: float
    """Output tokens a second of one server, as its source has it."""
    source: str


SETUPS = (
    Setup("1 GPU", "Qwen3-14B", 1, "H100", 1, 3173.92, "a"),
    Setup("1 GPU", "Qwen3.5-35B-A3B (fp8)", 1, "H200", 1, 8145.62, "b"),
    Setup("1 GPU", "Qwen3-32B", 1, "H100", 1, 1131.55, "c"),
    Setup("8-GPU node", "Qwen3-32B, 8 replicas", 8, "H100", 8, 1131.55, "c"),
    Setup("8-GPU node", "gpt-oss-120b, 4 replicas of 2", 8, "H100", 4, 7648.67, "d"),
    Setup("8-GPU node", "DeepSeek-R1, 1 server of 8", 8, "H200", 1, 2621.05, "e"),
    Setup("8 nodes", "Qwen3-32B, 64 replicas", 64, "H100", 64, 1131.55, "c"),
    Setup("8 nodes", "DeepSeek-R1, 8 replicas of 8", 64, "H200", 8, 2621.05, "e"),
    Setup("64 nodes", "DeepSeek-R1, 64 replicas of 8", 512, "H200", 64, 2621.05, "e"),
    Setup("64 nodes", "DeepSeek-R1, wide expert parallelism", 512, "H200", 512, 2200.0, "f"),
)

API_PRICE = 2.19
"""Dollars for a million output tokens of deepseek-reasoner, as its price list had it in 2025 (source g)."""

HARVESTED = 25.0
"""Traces an hour and H100 that Open R1 harvested from DeepSeek-R1 (source h)."""


def table(traces: int, tokens: int, hourly: dict[str, float]) -> str:
    """Markdown, a line for each setup."""
    wanted = traces * tokens
    lines = [
        "| machines | teacher | tokens/s | source | hours | price | at a quarter of the speed |",
        "|---|---|---:|---|---:|---:|---:|",
        f"| none | deepseek-reasoner, by API | | g | | ${wanted / 1e6 * API_PRICE:,.0f} | |",
    ]
    for setup in SETUPS:
        speed = setup.servers * setup.speed
        hours = wanted / speed / 3600
        price = hours * setup.gpus * hourly[setup.gpu]
        how = setup.source + (f" x {setup.servers}" if setup.servers > 1 else "")
        lines.append(
            f"| {setup.machines}, {setup.gpu} | {setup.teacher} | {speed:,.0f} | {how} | {_rounded(hours)} "
            f"| ${price:,.0f} | ${4 * price:,.0f} |"
        )
    hours = traces / (HARVESTED * 512)
    price = traces / HARVESTED * hourly["H100"]
    lines.append(f"| 64 nodes, H100 | DeepSeek-R1, as Open R1 harvested | | h | {_rounded(hours)} | ${price:,.0f} | |")
    return "\n".join(lines)


def _rounded(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=int, default=100_000)
    parser.add_argument("--tokens", type=int, default=8_000, help="mean output tokens of a trace")
    parser.add_argument("--h100", type=float, default=2.50, help="dollars an hour")
    parser.add_argument("--h200", type=float, default=3.50, help="dollars an hour")
    given = parser.parse_args()
    print(table(given.traces, given.tokens, {"H100": given.h100, "H200": given.h200}))


if __name__ == "__main__":
    main()
