"""What the hub on loopback holds, who may do what there, and what goes wrong."""

from dataclasses import dataclass, field
from typing import Any, Literal

What = int | Literal["drop", "lose", "hang", "late", "page"]


@dataclass
class Fault:
    """What goes wrong, at the first `times` requests that `where` is found in ("PUT /lfs/...")."""

    where: str
    what: What
    """An HTTP status; `drop` closes the connection in the middle of the body, `lose` after the work and before the
    answer, `hang` does nothing and never answers, `late` does the work and never answers,
    `page` answers with a page for people."""
    times: int = 10**6
    message: str = ""
    after: int = 0
    """Matching requests that go well before."""


@dataclass
class Blob:
    """A file of a repository; `sha256` where it lies in the large-file store."""

    oid: str
    size: int
    content: bytes | None
    sha256: str | None = None


@dataclass
class Repository:
    private: bool
    files: dict[str, Blob] = field(default_factory=dict)
    commits: list[str] = field(default_factory=lambda: ["0" * 40])
    history: list[dict[str, Blob]] = field(default_factory=list)
    """The files after each commit."""


def account(name: str, role: str = "write", orgs: dict[str, str] | None = None, scoped: Any = None) -> dict[str, Any]:
    """What whoami tells of a token: `orgs` maps names to roles, `scoped` is for fine-grained tokens."""
    token: dict[str, Any] = {"displayName": "t", "role": role}
    if scoped is not None:
        token["fineGrained"] = {"scoped": scoped, "global": []}
    told = [{"name": org, "roleInOrg": rank, "type": "org"} for org, rank in (orgs or {}).items()]
    return {"type": "user", "name": name, "orgs": told, "auth": {"type": "access_token", "accessToken": token}}
