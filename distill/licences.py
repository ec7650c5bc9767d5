"""Licences by the identifiers that the Hugging Face Hub accepts in a card."""

import re
from collections.abc import Collection

KNOWN = frozenset(
    """apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m
    afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5
    cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
    cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0
    cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0
    lgpl lgpl-2.1 lgpl-3.0 isc h-research intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl
    openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr deepfloyd-if-license
    fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 gemma unknown other""".split()
)
"""Identifiers of https://huggingface.co/docs/hub/repositories-licenses; a card with another one is rejected there."""

SLUG = re.compile(r"[a-z0-9][a-z0-9.-]*")
"""What `license_name` may be, beside `license: other`."""


def identifier(written: str) -> str | None:
    """The hub's identifier of a licence as people write it (`MIT`, `Apache 2.0`, `CC BY 4.0`); None for others."""
    plain = re.sub(r"[\s_]+", "-", written.strip().lower())
    bare = re.sub(r"-?(licen[cs]e|version|v(?=\d))-?", "-", plain).strip("-")
    return next((name for name in (plain, re.sub("-+", "-", bare)) if name in KNOWN), None)


def of_all(written: Collection[str]) -> str | None:
    """What a card says of rows under these licences: the identifier that they share, `other` where they share none.

    None where nothing is known. Rows that a program made (`generated`) are under nobody's licence.
    """
    theirs = {licence for licence in written if licence != "generated"}
    if theirs <= {"unknown"}:
        return None
    found = {identifier(licence) for licence in theirs}
    return found.pop() or "other" if len(found) == 1 else "other"
