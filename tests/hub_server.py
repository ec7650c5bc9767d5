"""A model hub on loopback that speaks the protocol of `huggingface_hub`, and fails where it is told to.

Repositories, git LFS (one PUT, or in parts), the Xet store, commits as NDJSON, downloads, accounts and their tokens.
What it keeps is in memory, and outlives the clients that are killed.
"""

import base64
import hashlib
import json
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hub_metadata import broken
from hub_store import Blob, Fault, Repository


class HubServer:
    """Serves from threads of its own until the `with` block ends; remembers all that it was asked."""

    def __init__(self, accounts: dict[str, dict[str, Any]], parts_of: int | None = None) -> None:
        self.accounts = accounts
        self.parts_of = parts_of
        """Bytes of a part; None wants large files whole."""
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.objects: dict[str, bytes] = {}
        """The large-file store, by SHA-256."""
        self.xorbs: dict[str, bytes] = {}
        self.xorb_posts: list[str] = []
        self.shards: list[bytes] = []
        self.parts: dict[str, dict[int, bytes]] = {}
        self.stored: Counter[str] = Counter()
        """How often each large file has come whole, by SHA-256."""
        self.faults: list[Fault] = []
        self.asked: list[str] = []
        self.lock = threading.RLock()

    def __enter__(self) -> "HubServer":
        hub = self

        class Handler(_Handler):
            server_of = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # connections that were dropped
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def files(self, name: str, kind: str = "model") -> dict[str, bytes]:
        """Contents of a repository's files, by path."""
        found = self.repositories[kind, name].files
        return {path: b.content if b.content is not None else self.objects[b.sha256 or ""] for path, b in found.items()}

    def fault(self, request: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if re.search(fault.where, request):
                    if fault.after:
                        fault.after -= 1
                    elif fault.times:
                        fault.times -= 1
                        return fault
        return None


class _Refused(Exception):
    def __init__(self, status: int, message: str = "", code: str = "", **body: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.body = status, code, body or {"error": message}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: HubServer

    def log_message(self, *_: object) -> None:
        pass

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _serve(self) -> None:
        hub, request = self.server_of, f"{self.command} {self.path}"
        hub.asked.append(request)
        fault = hub.fault(request)
        if fault is not None and fault.what == "drop":
            self.rfile.read(int(self.headers.get("Content-Length") or 0) // 2)
            self.close_connection = True
            return
        if fault is not None and fault.what == "hang":
            self._until_left()
        body = self._body()
        if fault is not None and isinstance(fault.what, int):
            self._answer(fault.what, {"error": fault.message or f"status {fault.what}"}, fault.message)
            return
        if fault is not None and fault.what == "page":
            self._answer(200, b"<html>Please log in</html>")
            return
        try:
            status, found, headers = self._answered(body)
        except _Refused as e:
            status, found, headers = e.status, e.body, {"X-Error-Code": e.code} if e.code else {}
            headers["X-Error-Message"] = str(e)
        if fault is not None and fault.what == "late":
            self._until_left()
        if fault is not None and fault.what == "lose":
            self.close_connection = True
            return
        self._answer(status, found, **headers)

    def _until_left(self) -> None:
        """Until the client is gone, killed for its waiting."""
        self.connection.settimeout(60)
        while self.rfile.read1(1 << 16):
            pass
        raise ConnectionAbortedError

    do_GET = do_HEAD = do_POST = do_PUT = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        read = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            read += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return read

    def _answer(self, status: int, found: Any, x_message: str = "", **headers: str) -> None:
        content = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream" if isinstance(found, bytes) else "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers | ({"X-Error-Message": x_message} if x_message else {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _answered(self, body: bytes) -> tuple[int, Any, dict[str, str]]:
        """The route of a request: status, body, headers."""
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        for pattern, name in _ROUTES:
            if found := re.fullmatch(pattern, f"{self.command} {path}"):
                with self.server_of.lock:
                    answered = getattr(self, name)(body, parse_qs(parts.query), **found.groupdict())
                return answered if isinstance(answered, tuple) else (200, answered, {})
        raise _Refused(404, f"no route {self.command} {path}")

    def _account(self) -> dict[str, Any]:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in self.server_of.accounts:
            raise _Refused(401, "Invalid credentials in Authorization header")
        return self.server_of.accounts[token]

    def _may_write(self, name: str) -> None:
        who, owner = self._account(), name.split("/")[0]
        token = who["auth"]["accessToken"]
        scoped = token.get("fineGrained", {}).get("scoped", [])
        owned = owner == who["name"] or any(o["name"] == owner and o["roleInOrg"] != "read" for o in who["orgs"])
        fine = any("repo.write" in s["permissions"] and s["entity"]["name"] in (owner, name) for s in scoped)
        if not owned or token["role"] == "read" or (token["role"] == "fineGrained" and not fine):
            raise _Refused(403, f"You don't have the rights to create or write to {name}")

    def _repository(self, kind: str, name: str, write: bool = False) -> Repository:
        found = self.server_of.repositories.get((kind, name))
        if found is None or (found.private and name.split("/")[0] not in self._names()):
            raise _Refused(404, "Repository not found", "RepoNotFound")
        if write:
            self._may_write(name)
        return found

    def _names(self) -> list[str]:
        who = self._account()
        return [who["name"], *(org["name"] for org in who["orgs"])]

    # ---- accounts and repositories

    def whoami(self, body: bytes, query: Any) -> Any:
        return self._account()

    def create(self, body: bytes, query: Any) -> Any:
        asked = json.loads(body)
        name = f"{asked['organization'] or self._account()['name']}/{asked['name']}"
        self._may_write(name)
        key = (asked.get("type") or "model", name)
        if key in self.server_of.repositories:
            return 409, {"error": "You already created this repo", "url": self._url(*key)}, {}
        self.server_of.repositories[key] = Repository(
            asked.get("visibility") == "private" or bool(asked.get("private"))
        )
        return {"url": self._url(*key)}

    def _url(self, kind: str, name: str) -> str:
        return f"{self.server_of.url}/{'' if kind == 'model' else kind + 's/'}{name}"

    def info(self, body: bytes, query: Any, kind: str, name: str, revision: str = "main") -> Any:
        found = self._repository(kind, name)
        siblings = [{"rfilename": path} for path in found.files]
        told = {"id": name, "sha": found.commits[-1], "private": found.private, "siblings": siblings, "tags": []}
        return told | {"downloads": 0, "likes": 0, "gated": False, "disabled": False}

    def tree(self, body: bytes, query: Any, kind: str, name: str, revision: str, folder: str | None = None) -> Any:
        """All files beneath a folder, as with `recursive`; the hub knows no folder without files."""
        files = self._repository(kind, name).files
        beneath = {path: blob for path, blob in files.items() if folder is None or path.startswith(f"{folder}/")}
        if folder is not None and not beneath:
            raise _Refused(404, f"{folder} does not exist", "EntryNotFound")
        return [self._entry(path, blob) for path, blob in beneath.items()]

    def paths_info(self, body: bytes, query: Any, kind: str, name: str, revision: str) -> Any:
        asked = json.loads(body)["paths"] if body.startswith(b"{") else parse_qs(body.decode())["paths"]
        return [self._entry(p, b) for p, b in self._repository(kind, name).files.items() if p in asked]

    def _entry(self, path: str, blob: Blob) -> dict[str, Any]:
        lfs = {"lfs": {"oid": blob.sha256, "size": blob.size, "pointerSize": 130}} if blob.sha256 else {}
        return {"type": "file", "path": path, "oid": blob.oid, "size": blob.size, **lfs}

    def resolve(self, body: bytes, query: Any, name: str, revision: str, path: str, kind: str = "model") -> Any:
        found = self._repository(kind, name)
        if path not in found.files:
            raise _Refused(404, "Entry not found", "EntryNotFound")
        blob = found.files[path]
        content = blob.content if blob.content is not None else self.server_of.objects[blob.sha256 or ""]
        return 200, content, {"ETag": f'"{blob.sha256 or blob.oid}"', "X-Repo-Commit": found.commits[-1]}

    # ---- uploads

    def validate(self, body: bytes, query: Any) -> Any:
        asked = json.loads(body)
        if errors := broken(asked["content"], asked["repoType"]):
            raise _Refused(400, "Invalid metadata", errors=[{"message": e} for e in errors], warnings=[])
        return {"errors": [], "warnings": []}

    def preupload(self, body: bytes, query: Any, kind: str, name: str, revision: str) -> Any:
        found, files = self._repository(kind, name, write=True).files, []
        for file in json.loads(body)["files"]:
            blob = found.get(file["path"])
            known = {"oid": blob.sha256 or blob.oid} if blob else {}
            large = file["path"].endswith((".safetensors", ".parquet", "tokenizer.json")) or file["size"] > 10 << 20
            mode = "lfs" if large else "regular"
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, **known})
        return {"files": files}

    def batch(self, body: bytes, query: Any, name: str, kind: str = "model") -> Any:
        self._repository(kind, name, write=True)
        hub, objects = self.server_of, []
        for asked in json.loads(body)["objects"]:
            oid, size = asked["oid"], asked["size"]
            if oid in hub.objects:
                objects.append({"oid": oid, "size": size})
                continue
            href = f"{hub.url}/lfs/{oid}"
            upload: dict[str, Any] = {"href": f"{href}?X-Signature=secret"}
            if hub.parts_of and size > hub.parts_of:
                numbers = range(1, -(-size // hub.parts_of) + 1)
                urls = {str(n): f"{href}/part/{n}?X-Signature=secret" for n in numbers}
                upload = {"href": f"{href}/complete", "header": {"chunk_size": str(hub.parts_of), **urls}}
            verify = {"href": f"{self._url(kind, name)}/lfs-verify"}
            objects.append({"oid": oid, "size": size, "actions": {"upload": upload, "verify": verify}})
        return {"transfer": "basic", "objects": objects}

    def put(self, body: bytes, query: Any, oid: str) -> Any:
        self._store(oid, body)
        return b""

    def put_part(self, body: bytes, query: Any, oid: str, number: str) -> Any:
        self.server_of.parts.setdefault(oid, {})[int(number)] = body
        return 200, b"", {"ETag": f'"{hashlib.md5(body).hexdigest()}"'}

    def complete(self, body: bytes, query: Any, oid: str) -> Any:
        held = self.server_of.parts.pop(oid, {})
        wanted = [part["partNumber"] for part in json.loads(body)["parts"]]
        if sorted(held) != wanted:
            raise _Refused(400, "parts are missing")
        self._store(oid, b"".join(held[n] for n in wanted))
        return {"success": True}

    def _store(self, oid: str, content: bytes) -> None:
        if hashlib.sha256(content).hexdigest() != oid:
            raise _Refused(400, "the content is not what its SHA-256 says")
        self.server_of.objects[oid] = content
        self.server_of.stored[oid] += 1

    def verify(self, body: bytes, query: Any, name: str, kind: str = "model") -> Any:
        asked = json.loads(body)
        if len(self.server_of.objects.get(asked["oid"], b"")) != asked["size"]:
            raise _Refused(404, "the object is not there")
        return {}

    def commit(self, body: bytes, query: Any, kind: str, name: str, revision: str) -> Any:
        found = self._repository(kind, name, write=True)
        files = dict(found.files)
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = self._regular(value, kind)
            elif line["key"] == "lfsFile":
                files[value["path"]] = self._large(value)
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        found.files = files
        found.history.append(files)
        found.commits.append(hashlib.sha1(body + found.commits[-1].encode()).hexdigest())
        oid = found.commits[-1]
        return {
            "success": True,
            "commitOid": oid,
            "commitUrl": f"{self._url(kind, name)}/commit/{oid}",
            "hookOutput": "",
        }

    def _regular(self, value: dict[str, str], kind: str) -> Blob:
        content = base64.b64decode(value["content"])
        if value["path"] == "README.md" and (errors := broken(content.decode(), kind)):
            raise _Refused(400, "; ".join(errors))
        return Blob(hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(), len(content), content)

    def _large(self, value: dict[str, Any]) -> Blob:
        oid, hub = value["oid"], self.server_of
        shard = any(bytes.fromhex(oid) in shard or _as_xet(oid) in shard for shard in hub.shards)
        if oid not in hub.objects and not shard:
            raise _Refused(400, f"the large file {value['path']} was never uploaded")
        return Blob(hashlib.sha1(oid.encode()).hexdigest(), value["size"], None, oid)

    # ---- the Xet store

    def xet_token(self, body: bytes, query: Any, kind: str, name: str, revision: str) -> Any:
        self._repository(kind, name, write=True)
        told = {"accessToken": "xet", "casUrl": self.server_of.url, "exp": 2**31}
        names = {"X-Xet-Cas-Url": "casUrl", "X-Xet-Access-Token": "accessToken", "X-Xet-Token-Expiration": "exp"}
        return 200, told, {header: str(told[key]) for header, key in names.items()}

    def xorb(self, body: bytes, query: Any, digest: str) -> Any:
        new = digest not in self.server_of.xorbs
        self.server_of.xorb_posts.append(digest)
        self.server_of.xorbs[digest] = body
        return {"was_inserted": new}

    def shard(self, body: bytes, query: Any) -> Any:
        self.server_of.shards.append(body)
        return {"result": 1}


def _as_xet(oid: str) -> bytes:
    """A digest as shards hold it: four little-endian words of eight bytes."""
    raw = bytes.fromhex(oid)
    return b"".join(raw[i : i + 8][::-1] for i in range(0, 32, 8))


_KIND, _NAME, _REVISION = r"(?P<kind>model|dataset)s", r"(?P<name>[^/]+/[^/]+)", r"(?P<revision>[^/]+)"
_ROUTES = [
    (r"GET /api/whoami-v2", "whoami"),
    (r"POST /api/repos/create", "create"),
    (r"POST /api/validate-yaml", "validate"),
    (rf"GET /api/{_KIND}/{_NAME}", "info"),
    (rf"GET /api/{_KIND}/{_NAME}/revision/{_REVISION}", "info"),
    (rf"GET /api/{_KIND}/{_NAME}/tree/{_REVISION}(?:/(?P<folder>.+))?", "tree"),
    (rf"POST /api/{_KIND}/{_NAME}/paths-info/{_REVISION}", "paths_info"),
    (rf"POST /api/{_KIND}/{_NAME}/preupload/{_REVISION}", "preupload"),
    (rf"POST /api/{_KIND}/{_NAME}/commit/{_REVISION}", "commit"),
    (rf"GET /api/{_KIND}/{_NAME}/xet-write-token/{_REVISION}", "xet_token"),
    (rf"POST /{_KIND}/{_NAME}\.git/info/lfs/objects/batch", "batch"),
    (rf"POST /{_NAME}\.git/info/lfs/objects/batch", "batch"),
    (rf"POST /{_KIND}/{_NAME}/lfs-verify", "verify"),
    (rf"POST /{_NAME}/lfs-verify", "verify"),
    (rf"(?:GET|HEAD) /{_KIND}/{_NAME}/resolve/{_REVISION}/(?P<path>.+)", "resolve"),
    (rf"(?:GET|HEAD) /{_NAME}/resolve/{_REVISION}/(?P<path>.+)", "resolve"),
    (r"PUT /lfs/(?P<oid>\w{64})", "put"),
    (r"PUT /lfs/(?P<oid>\w{64})/part/(?P<number>\d+)", "put_part"),
    (r"POST /lfs/(?P<oid>\w{64})/complete", "complete"),
    (r"POST /v1/xorbs/default/(?P<digest>\w{64})", "xorb"),
    (r"POST /v1/shards", "shard"),
]
