"""Serves the pages on loopback.

The standard library's server is enough for one reader on one machine: it threads, keeps connections open and brings no
dependency. What it does not do is done here: only GET, only to names of this machine (a page from elsewhere may have
its own name lead here: DNS rebinding), and nothing of the disk by its path: an address names a place in the index.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from socketserver import TCPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from distill.errors import DistillError, Refused
from distill.files import whole_text
from distill.view.address import LOOPBACK
from distill.view.filter import Filter, from_query, number
from distill.view.follow import Follower
from distill.view.index import Index, Row
from distill.view.pages import Pages
from distill.view.sources import Looked
from distill.view.tokens import Rendering
from distill.view.trace import PARTS

HOSTS = {LOOPBACK, "localhost", "[::1]"}
"""Names of this machine, whatever the port: a tunnel may have another."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

FIRST_SECONDS = 2.0
"""A page waits so long for the first traces to be read."""

IDLE_SECONDS = 60
"""After which a connection is closed."""


@dataclass(frozen=True)
class Reply:
    body: bytes
    kind: str = "text/html; charset=utf-8"
    status: int = 200


class NotThere(Exception):
    """No such page or trace."""


class Live:
    """Links between pages that are served."""

    is_live = True

    def __init__(self, follower: Follower) -> None:
        self.follower = follower

    def list(self, wanted: Filter, page: int = 1) -> str:
        return wanted.link("/", page=page if page > 1 else None)

    def trace(self, row: Row, wanted: Filter | None = None, number: int | None = None) -> str:
        return (wanted or Filter()).link("/trace", **self._of(row), i=number)

    def text(self, row: Row, part: str) -> str:
        return Filter().link("/text", **self._of(row), of=part)

    def tokens(self, row: Row) -> str:
        return Filter().link("/tokens", **self._of(row))

    def _of(self, row: Row) -> dict[str, str | int]:
        return {
            "source": self.follower.sources[row.place.source].name,
            "at": row.place.at,
            "part": row.place.part or "",
        }


class Site:
    """What is answered to an address."""

    def __init__(self, looked: Looked, index: Index, follower: Follower) -> None:
        self.index, self.follower = index, follower
        self.pages = Pages(looked, index, follower, Live(follower))
        self.rendering = Rendering(looked.path)
        self._routes: dict[str, Callable[[dict[str, str]], Reply]] = {
            "/": self._list,
            "/trace": self._trace,
            "/text": self._text,
            "/tokens": self._tokens,
            "/view.css": partial(_asset, "view.css", "text/css; charset=utf-8"),
            "/view.js": partial(_asset, "view.js", "text/javascript; charset=utf-8"),
            "/icon.svg": partial(_asset, "icon.svg", "image/svg+xml"),
        }

    def reply(self, target: str) -> Reply:
        """The answer to a path with its query."""
        self.follower.wait_for_rows(FIRST_SECONDS)
        try:
            path, query = _parsed(target)
            if path not in self._routes:
                raise NotThere
            with self.follower.waiting():
                return self._routes[path](query)
        except NotThere:
            return self._message("Not there", "There is no such page, or no such trace any more.", 404)
        except DistillError as e:  # of an address that nobody has linked to
            return self._message("Not understood", str(e), 400)

    def _list(self, query: dict[str, str]) -> Reply:
        page = number(query.get("page", "1"), "page")
        return _html(self.pages.list(from_query(query), max(1, page)))

    def _trace(self, query: dict[str, str]) -> Reply:
        row = self._row(query)
        at = self.pages.around(row, from_query(query), number(query["i"], "i")) if "i" in query else None
        return _html(self.pages.trace(row, at))

    def _text(self, query: dict[str, str]) -> Reply:
        row, part = self._row(query), query.get("of", "")
        if part not in PARTS:
            raise NotThere
        try:
            trace = self.follower.sources[row.place.source].read(row.place)
        except (DistillError, OSError, StopIteration) as e:
            raise NotThere from e
        return Reply(whole_text(getattr(trace, part)).encode(), "text/plain; charset=utf-8")

    def _tokens(self, query: dict[str, str]) -> Reply:
        row = self._row(query)
        if not self.pages.has_tokens(row):
            raise NotThere
        try:
            trace = self.follower.sources[row.place.source].read(row.place)
            return _html(self.pages.tokens(row, self.rendering.render(row.question, trace), ""))
        except (DistillError, OSError) as e:
            return _html(self.pages.tokens(row, None, str(e)))

    def _row(self, query: dict[str, str]) -> Row:
        """A trace by its place in the files, or by its name where a report links to it."""
        if "source" not in query and "id" in query:
            return self._named(query.get("set", ""), query.get("who", ""), query["id"])
        names = [source.name for source in self.follower.sources]
        if query.get("source") not in names:
            raise NotThere
        at, part = number(query.get("at", "0"), "at"), number(query.get("part", "0"), "part")
        row = self.index.at(names.index(query["source"]), at, part)
        if row is None:
            raise NotThere
        return row

    def _named(self, set_name: str, who: str, trace_id: str) -> Row:
        row = self.index.named(set_name, who, trace_id)
        if row is None:
            raise NotThere
        return row

    def _message(self, title: str, sentence: str, status: int) -> Reply:
        return Reply(_html(self.pages.message(title, sentence)).body, status=status)


def _parsed(target: str) -> tuple[str, dict[str, str]]:
    """Path and query of an address.

    Raises:
        Refused: it is none.
    """
    try:
        address = urlsplit(target)
        return address.path, {key: values[-1] for key, values in parse_qs(address.query, max_num_fields=40).items()}
    except ValueError as e:
        raise Refused("this is no address.") from e


def _html(page: str) -> Reply:
    return Reply(page.encode("utf-8", "replace"))


def _asset(name: str, kind: str, _: dict[str, str]) -> Reply:
    return Reply((files("distill.view") / "templates" / name).read_bytes(), kind)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    site: ClassVar[Site]
    protocol_version = "HTTP/1.1"
    server_version = "distill"
    sys_version = ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        host = self.headers.get("Host", "")
        if _name(host) not in HOSTS:
            told = b"Only addresses of this machine are answered: 127.0.0.1 or localhost.\n"
            self._send(Reply(told, "text/plain; charset=utf-8", 421))
            return
        self._send(self.site.reply(self.path))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in (HEADERS | {"Content-Type": reply.kind, "Content-Length": str(len(reply.body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Of requests that are none, and of other methods than GET, which the library answers with 501."""
        self.close_connection = True
        status, told = (405, "Only GET.") if code == 501 else (code, message or "No request.")
        self.send_response(status)
        body = f"{told}\n".encode("utf-8", "replace")
        others = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body)), "Connection": "close"}
        for name, value in (HEADERS | others | ({"Allow": "GET, HEAD"} if status == 405 else {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written of what is looked at."""


def _name(host: str) -> str:
    """Of a header `Host`, without the port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() and not host.endswith("]") else host).lower()


class Server(ThreadingHTTPServer):
    """Ends with the process, whoever is still connected."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Without the library's question to a name server who this machine is."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Readers close connections when they have seen enough; anything else is a mistake of ours, and told."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def server(site: Site, port: int) -> Server:
    """A server that answers once `serve_forever` is called; port 0 takes any that is free.

    Raises:
        Refused: the port is taken, or may not be.
    """
    handler = type("SiteHandler", (Handler,), {"site": site})
    try:
        return Server((LOOPBACK, port), handler)
    except OSError as e:
        raise Refused(
            f"port {port} of this machine cannot be used: {e.strerror}.",
            "--port names another, --port 0 takes a free one.",
        ) from e


@contextmanager
def serve(looked: Looked, port: int) -> Iterator[tuple[Server, str]]:
    """A server with the address of its first page; the files are read beside it.

    Raises:
        Refused: see `server`.
    """
    index = Index()
    follower = Follower(looked, index)
    with server(Site(looked, index, follower), port) as found:
        follower.start()
        try:
            yield found, f"http://{LOOPBACK}:{found.server_port}/"
        finally:
            follower.close()
