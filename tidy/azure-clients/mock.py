# Here: our mock workspace as a program that is told what to do, behind TLS, which Microsoft's clients insist on; and answers that are spoilt.
# Not here: what is asked of it (release_flow.py).
# Reads: the example mock_workspace of aml-client.

import http.client
import json
import subprocess

from capture import Server

# What concerns one connection and not the next.
HOPS = ("connection", "content-length", "host", "transfer-encoding")


class Mock:
    """Lives until `end`; `base` is its address to the outside, with TLS. `spoil` may change an answer: method, path, JSON -> JSON."""

    def __init__(self, program, authority, spoil=None):
        self.program = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.program.stdout.readline().strip().removeprefix("http://")
        self.spoil, self.n_spoilt = spoil, 0
        mock = self

        def answer(handler):
            mock.forward(handler)

        self.base = Server(answer, authority).base
        self.tell("public-uri", self.base)

    def tell(self, *words):
        """Tells the mock something, and gives its answer."""
        self.program.stdin.write(" ".join(map(str, words)) + "\n")
        self.program.stdin.flush()
        answer = self.program.stdout.readline().strip()
        assert answer and not answer.startswith("wrong"), (words, answer)
        return answer if answer == "ok" else json.loads(answer)

    def end(self):
        self.program.stdin.close()
        assert self.program.wait(timeout=10) == 0

    def forward(self, handler):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in HOPS}
        connection.request(handler.command, handler.path, handler.read_body(), headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if self.spoil and body:
            told = json.loads(body)
            spoilt = self.spoil(handler.command, handler.path, json.loads(body))
            if spoilt != told:
                self.n_spoilt += 1
                body = json.dumps(spoilt).encode()
        handler.send(answer.status, [(name, value) for name, value in answer.getheaders() if name.lower() not in HOPS], body)
