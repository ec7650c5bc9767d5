"""A checkpoint as GGUF files, for llama.cpp and what is built on it.

By llama.cpp's own converter where it is present, else by `gguf_writer`; read back and compared before it appears.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from distill import models
from distill.errors import Refused
from distill.files import read_json, write_json
from students import llama_cpp
from students.divergence import Divergence, Reference
from students.gguf_check import difference, outputs_of
from students.gguf_vocabulary import refuse_unknown_tokenizer
from students.gguf_writer import Checkpoint, refuse_unknown_model, write_gguf
from students.plan import available_memory

REPORT = "gguf.json"
"""Beside the files: what each is made of, by what, and how far it is from the checkpoint."""

BITS = {"f32": 32, "f16": 16, "bf16": 16, "q8_0": 8.5, "q5_1": 6, "q5_0": 5.5, "q4_1": 5, "q4_0": 4.5}
"""A weight, with its share of the block's scale."""


@dataclass(frozen=True)
class Made:
    """One file."""

    file: str
    kind: str
    bytes: int
    by: str
    """Who wrote it, with the version."""
    of: str
    """Fingerprint of the checkpoint."""
    divergence: Divergence
    """KL(checkpoint || file)."""

    def line(self) -> str:
        """For a person."""
        told = self.divergence
        return (
            f"{self.file}: {self.bytes / 1e6:,.1f} MB by {self.by}; KL(checkpoint || file) {told.mean:.2g} nats "
            f"a token over {told.tokens:,} tokens, {100 * told.changed:.2g} % of the greedy choices change"
        )


def export(
    folder: Path, out: Path, kinds: Sequence[str], name: str, on_made: Callable[[Made], None] = lambda _: None
) -> list[Made]:
    """Write `out/NAME-KIND.gguf` for each kind; files of the same checkpoint that are there already are kept.

    Raises:
        Refused: a checkpoint that cannot be written, a type that needs llama.cpp, too little room on the disk.
        DistillError: llama.cpp failed, or a file is not the checkpoint; it is not kept.
    """
    source = models.resolve(str(folder))
    refuse_early(source, kinds)
    refuse_without_room(source, out, kinds)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise Refused(f"{out} cannot be a folder for files: {e.strerror}.", "Name another one with --out.") from e
    fingerprint, files = source.fingerprint(), report(out)
    wanted = {kind: f"{name}-{kind}.gguf" for kind in kinds}
    missing = [kind for kind in wanted if not _is_there(files.get(wanted[kind]), out, fingerprint)]
    dtype = _dtype(source)
    with outputs_of(source, out, dtype) if missing else nullcontext() as before:
        for kind, file in wanted.items():
            if kind in missing:
                files[file] = _make(source, out / file, kind, fingerprint, before, dtype)
                write_json(out / REPORT, [asdict(one) for one in files.values()])
            on_made(files[file])
    return [files[file] for file in wanted.values()]


def _is_there(made: Made | None, out: Path, fingerprint: str) -> bool:
    """Does a file of this checkpoint lie there as it was written?"""
    file = out / made.file if made else out
    return made is not None and made.of == fingerprint and file.is_file() and file.stat().st_size == made.bytes


def report(out: Path) -> dict[str, Made]:
    """File name -> what is known of the files in a folder of exports."""
    if not (out / REPORT).is_file():
        return {}
    entries: list[dict[str, Any]] = read_json(out / REPORT)
    found = [Made(**{**one, "divergence": Divergence(**one["divergence"])}) for one in entries]
    return {one.file: one for one in found}


def refuse_early(source: models.ModelSource, kinds: Sequence[str]) -> None:
    """What can be known before a model is trained.

    Raises:
        Refused: a type that needs llama.cpp's quantiser, an architecture or a tokenizer that needs its converter.
    """
    for kind in kinds:
        if kind in llama_cpp.K_TYPES:
            llama_cpp.refuse_without_quantiser(kind)
    if any(_script(kind) is None for kind in kinds):
        config = models.config(source)
        refuse_unknown_model(config)
        refuse_unknown_tokenizer(models.tokenizer(source), config.vocab_size)


def refuse_without_room(source: models.ModelSource, out: Path, kinds: Sequence[str]) -> None:
    """
    Raises:
        Refused: the files, and what is written on the way, do not fit on the disk.
    """
    parameters = models.parameter_count(models.config(source))
    needed = sum(parameters * BITS.get(kind, 7) / 8 for kind in kinds) + (1 << 30)
    if any(kind in llama_cpp.K_TYPES for kind in kinds):
        needed += 2 * parameters
    there = next(folder for folder in (out, *out.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise Refused(
            f"{out} needs about {needed / 1e9:,.1f} GB for {', '.join(kinds)}, and {free / 1e9:,.1f} GB are free.",
            "Free space, ask for fewer types, or name another folder.",
        )


def _make(
    source: models.ModelSource, file: Path, kind: str, fingerprint: str, before: Reference | None, dtype: str
) -> Made:
    assert before is not None
    with _appearing(file) as partial:
        by = _write(source, partial, kind)
        told = difference(before, source, partial, kind, dtype)
    return Made(file.name, kind, file.stat().st_size, by, fingerprint, told)


def _write(source: models.ModelSource, path: Path, kind: str) -> str:
    """Returns who wrote it."""
    if kind in llama_cpp.K_TYPES:
        whole = path.with_name(f"{path.stem}.whole.gguf")
        try:
            by = _write(source, whole, "bf16" if "bfloat16" in str(models.config(source).dtype) else "f16")
            llama_cpp.quantise(whole, path, kind)
        finally:
            whole.unlink(missing_ok=True)
        return f"{by} and llama.cpp's quantiser"
    script = _script(kind)
    if script is not None:
        llama_cpp.convert(script, Path(source.folder), path, kind)
        return f"llama.cpp's {script.name}"
    generation = models.generation_defaults(source)
    tokenizer = models.tokenizer(source)
    write_gguf(Checkpoint(Path(source.folder), models.config(source), tokenizer, generation), path, kind)
    return f"distill with gguf {version('gguf')}"


def _script(kind: str) -> Path | None:
    return llama_cpp.converter() if kind in llama_cpp.CONVERTED or kind in llama_cpp.K_TYPES else None


def _dtype(source: models.ModelSource) -> str:
    """In which outputs are compared: float32 where the memory is enough, for bfloat16's own rounding would show.

    The checkpoint's else, but for float16, in which processors do not compute.
    """
    config = models.config(source)
    if 5 * models.parameter_count(config) < available_memory()[0]:
        return "float32"
    found = str(config.dtype or "float32").removeprefix("torch.")
    return "float32" if found == "float16" else found


@contextmanager
def _appearing(file: Path) -> Iterator[Path]:
    """A name beside `file` that takes its place at the end; an error leaves nothing."""
    partial = file.with_name(f".{file.stem}.unfinished.gguf")
    try:
        yield partial
        with partial.open("rb") as f:
            os.fsync(f.fileno())
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
