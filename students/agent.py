"""Starts the processes of a training and ends them all with the first that fails: `python -m students.agent FOLDER N`.

PyTorch's elastic agent does it. What it knows of a failure goes to FOLDER/launch/agent.json.
"""

import os
import sys
from pathlib import Path

from distill.files import write_json
from students.job import LAUNCH


def main(folder: Path, processes: int) -> int:
    """Run N workers on this machine to their end; returns the exit status."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # threads of their own for each process would be too many for the cores
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=str(os.getpid()),
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=0,
        monitor_interval=0.2,
        logs_specs=DefaultLogsSpecs(str(folder / LAUNCH / "logs"), redirects=Std.ALL),
    )
    try:
        elastic_launch(config, sys.executable)("-m", "students.worker", str(folder))
    except ChildFailedError as e:
        told = {rank: {"exit_code": f.exitcode, "signal": f.signal_name()} for rank, f in e.failures.items()}
        write_json(folder / LAUNCH / "agent.json", told)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
