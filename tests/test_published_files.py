"""Published files as `distill select` takes them: whose verdict counts, what is left out and told, where rows come from.

A verdict is of one text: these tests write the same answer in every layout, judge one of two answers, and see that the
other never gets its verdict.
"""

import gzip
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from datasets import load_from_disk
from test_replicas import needs_ray, ray_folder  # noqa: F401
from test_run import write_recipe  # noqa: F401
from trace_files import COLUMNS, written

from distill import ray_cluster
from distill.cli import main
from distill.curate import engines, published_traces
from distill.curate.engines import measure
from distill.curate.published_traces import PublishedTraces
from distill.curate.sources import Read
from distill.judged_text import judged_digest
