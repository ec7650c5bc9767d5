"""Which file `distill verify` reads and which it writes; what others call a table is refused with the way out."""

import gzip
import shlex
import zlib
from contextlib import suppress
from pathlib import Path

from distill.errors import Refused
from distill.given_paths import output_path, refuse_no_file
from distill.verify.kept import mark_of, partial_of

NOT_WRITTEN = (".csv", ".tsv", ".parquet", ".xlsx", ".zst", ".bz2", ".xz", ".zip")

_CSV = "import csv, json, sys; csv.field_size_limit(1 << 30); [print(json.dumps(row)) for row in csv.{reader}]"
_READER = {
    ".csv": 'DictReader(open(sys.argv[1], newline=""))',
    ".tsv": 'DictReader(open(sys.argv[1], newline=""), delimiter="\\t")',
}
_ARRAY = "import gzip, json, sys; [print(json.dumps(row)) for row in json.load({open}(sys.argv[1]))]"


def refuse_paths(file: Path, out: Path) -> Path:
    """The output, links followed.

    Raises:
        Refused: no input, or one in a format that is not taken, or an output that cannot be one.
    """
    refuse_no_file(file)
    _refuse_format(file)
    out = output_path(out, "--out")
    if out == file.resolve():
        raise Refused("--out names the input file.", "It would be overwritten; name another.")
    if file.resolve() in (partial_of(out), mark_of(out)):
        raise Refused(f"{file} is where rows lie until {out.name} is whole.", "Copy it to another name first.")
    if out.suffix in NOT_WRITTEN:
        raise Refused(f"--out={out.name}: rows are written as JSON, one a line.", "Name it .jsonl or .jsonl.gz.")
    return out


def _refuse_format(file: Path) -> None:
    if reader := _READER.get(file.suffix.lower()):
        said = f"{file} is {file.suffix[1:].upper()}, which is not taken."
        raise Refused(said, _converted(file, _CSV.format(reader=reader)))
    if file.suffix != ".parquet" and _first_byte(file) == b"[":
        opener = "gzip.open" if file.suffix == ".gz" else "open"
        raise Refused(f"{file} is one JSON array, which is not taken.", _converted(file, _ARRAY.format(open=opener)))


def _converted(file: Path, program: str) -> str:
    return f"One JSON object a line: python -c '{program}' {shlex.quote(str(file))} > rows.jsonl"


def _first_byte(file: Path) -> bytes:
    """The first that is no white space; empty where it cannot be read, which is told with its row."""
    with suppress(OSError, EOFError, zlib.error), gzip.open(file) if file.suffix == ".gz" else file.open("rb") as f:
        return f.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return b""
