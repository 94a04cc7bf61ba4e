# Here: a server that writes down what clients send, and answers by a script; and TLS, made by openssl at run time.
# Not here: what it answers (answers.py), what is compared (compare.py).
# Reads: requests, on loopback only.

import json
import re
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit


class Authority:
    """A certificate for localhost that is its own authority, in a folder that is thrown away."""

    def __init__(self, folder):
        self.certificate, self.key = f"{folder}/localhost.pem", f"{folder}/localhost.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out", self.certificate],
            check=True, capture_output=True)

    def listen(self, server):
        """Lets a server speak TLS; the handshake is made by the thread of the connection."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)


class Handler(BaseHTTPRequestHandler):
    """One connection: HTTP/1.1, kept alive, bodies with a length or in chunks."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def read_body(self):
        if "chunked" not in (self.headers.get("Transfer-Encoding") or "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def send(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)


class Server:
    """A threaded server on a free port of loopback; `answer` is given each request's handler."""

    def __init__(self, answer, authority=None):
        handler = type("Answering", (Handler,), {"answer": answer})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        scheme = "http"
        if authority:
            authority.listen(self.server)
            scheme = "https"
        self.base = f"{scheme}://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Capture:
    """What one side sends, call by call. An answer that no script has is a 500, which no call passes over."""

    def __init__(self, authority=None):
        capture = self

        def answer(handler):
            capture.answer(handler)

        self.calls, self.requests, self.rules = {}, None, []
        self.lock = threading.Lock()
        self.base = Server(answer, authority).base

    def begin(self, call, rules):
        """From now on requests belong to this call, and these rules answer: (method, regular expression of the path, replies)."""
        with self.lock:
            self.requests = self.calls[call] = []
            self.rules = [(method, re.compile(path), list(replies)) for method, path, replies in rules]

    def reply(self, method, path):
        for wanted, pattern, replies in self.rules:
            if wanted == method and pattern.search(path):
                # The last one repeats.
                return replies.pop(0) if len(replies) > 1 else replies[0]
        return 500, {}, {"error": {"code": "NotScripted", "message": f"{method} {path}"}}

    def answer(self, handler):
        base = f"{self.base.split('://')[0]}://{handler.headers.get('Host')}"
        # What leads back here is the same for whoever asks.
        raw = handler.read_body().replace(base.encode(), b"{base}")
        url = urlsplit(handler.path)
        with self.lock:
            self.requests.append({
                "method": handler.command, "path": unquote(url.path), "query": parse_qsl(url.query, keep_blank_values=True),
                "headers": {name.lower(): value for name, value in handler.headers.items()},
                "body": json.loads(raw) if raw else None})
            status, headers, body = self.reply(handler.command, handler.path)
        text = b"" if body is None else json.dumps(body).replace("{base}", base).encode()
        headers = [(name, value.replace("{base}", base)) for name, value in headers.items()]
        if body is not None:
            headers.append(("Content-Type", "application/json; charset=utf-8"))
        handler.send(status, headers, text)
