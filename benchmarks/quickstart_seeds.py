"""The quickstart with several seeds: mean accuracy of base and student, with intervals.

    python benchmarks/quickstart_seeds.py --seeds 0 1 2 --out benchmarks/results/quickstart_seeds.json

Each seed draws its own problems, so the interval over seeds covers problems, data order and adapter
initialisation. About 8 minutes a seed on two cores. Minutes are those of the stages, so that a seed that is
already finished in `--runs` counts as it was run.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

from common import machine

T_975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}
"""Student's t, two-sided 95 %, by degrees of freedom."""


def run_seed(seed: int, runs: Path, overrides: list[str]) -> dict:
    folder = runs / f"seed-{seed}"
    command = [sys.executable, "-m", "distill", "run", "recipes/quickstart.yaml", f"seed={seed}", *overrides]
    subprocess.run([*command, "--run-dir", str(folder)], check=True)
    summary = json.loads((folder / "evaluation" / "summary.json").read_text())["sets"]["held_out"]
    stages = {p.stem: json.loads(p.read_text())["seconds"] for p in (folder / "stages").glob("*.json")}
    return {
        "seed": seed,
        "minutes": sum(stages.values()) / 60,
        "stage_seconds": {k: round(v, 1) for k, v in stages.items()},
        **{who: summary["figures"][who] for who in ("base", "student")},
        "difference": summary["differences"][0],
        "protocol": summary["protocol"],
    }


def mean_with_interval(values: list[float]) -> dict[str, float]:
    mean = sum(values) / len(values)
    if len(values) < 2:
        return {"mean": mean}
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    half = T_975[len(values) - 1] * deviation / math.sqrt(len(values))
    return {"mean": mean, "low": mean - half, "high": mean + half}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", type=Path, default=Path("runs/quickstart-seeds"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("overrides", nargs="*")
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        rows.append(run_seed(seed, args.runs, args.overrides))
        result = {
            "machine": machine(),
            "base": mean_with_interval([r["base"]["accuracy"] for r in rows]),
            "student": mean_with_interval([r["student"]["accuracy"] for r in rows]),
            "difference": mean_with_interval([r["difference"]["mean"] for r in rows]),
            "minutes": mean_with_interval([r["minutes"] for r in rows]),
            "seeds": rows,
        }
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({k: v for k, v in result.items() if k != "seeds"}, indent=2))


if __name__ == "__main__":
    main()
