"""Reads the files that wandb writes offline: LevelDB's log format, a protobuf record in each entry."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK, HEADER, START = 32768, 7, 7


def _entries(data: bytes) -> Iterator[bytes]:
    assert data[:4] == b":W&B"
    at, parts = START, b""
    while at + HEADER <= len(data):
        room = BLOCK - at % BLOCK
        if room < HEADER:
            at += room
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + HEADER])
        parts += data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (1, 4):  # whole, or the last part
            yield parts
            parts = b""


def history(path: Path) -> list[dict[str, Any]]:
    """What was logged, step by step."""
    from wandb.proto import wandb_internal_pb2

    rows = []
    for entry in _entries(path.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(entry)
        if record.WhichOneof("record_type") == "history":
            rows.append({i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in record.history.item})
    return rows
