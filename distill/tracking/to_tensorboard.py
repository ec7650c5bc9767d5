"""TensorBoard: event files in the run directory, one folder a stage; `tensorboard --logdir runs` compares runs."""

from pathlib import Path

from distill.tracking.tracker import Figures, TrackedRun


class ToTensorboard:
    """Writes with torch's own writer, one record a step, so that a kill leaves all figures of a step or none."""

    name = "tensorboard"

    def open(self, run: TrackedRun) -> int:
        from torch.utils.tensorboard import FileWriter

        at = run.folder / self.name / run.key
        last = _last_step(at)
        self._writer = FileWriter(str(at))
        return last

    def log(self, step: int, figures: Figures) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in figures.items()]
        self._writer.add_summary(Summary(value=values), step)
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def _last_step(at: Path) -> int:
    """The last step in the files of a folder, -1 where there is none."""
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    if not at.is_dir():
        return -1
    events = EventAccumulator(str(at), size_guidance={SCALARS: 0}).Reload()
    return max((events.Scalars(tag)[-1].step for tag in events.Tags()["scalars"]), default=-1)
