"""`python slow_server.py HOST PORT`: what replicas are made of in tests. Answers every request after a moment.

It has an engine in a session of its own that ignores polite requests, as vLLM has.
"""

import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stub_server import answer

ENGINE = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; time.sleep(600)"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != f"Bearer {os.environ['VLLM_API_KEY']}":
            self.send_error(401)
            return
        head, *pieces = answer()
        self.wfile.write(head)
        for piece in pieces:
            time.sleep(0.03)
            self.wfile.write(piece)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    subprocess.Popen([sys.executable, "-c", ENGINE, "engine"], start_new_session=True)
    print("serving", flush=True)
    ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
