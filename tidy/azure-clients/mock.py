# Here: our mock workspace as a program that is told what to do, behind TLS, which Microsoft's clients insist on.
# Not here: what is asked of it (release_flow.py).
# Reads: the example mock_workspace of aml-client.

import json
import socket
import ssl
import subprocess
import threading


class Mock:
    """Lives until `end`; `base` is its address to the outside, with TLS."""

    def __init__(self, program, authority):
        self.program = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.inside = self.program.stdout.readline().strip()
        host, port = self.inside.removeprefix("http://").split(":")
        self.address = host, int(port)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.certificate, authority.key)
        listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"https://localhost:{listener.getsockname()[1]}"
        threading.Thread(target=self.accept, args=(listener, context), daemon=True).start()
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

    def accept(self, listener, context):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.forward, args=(connection, context), daemon=True).start()

    def forward(self, connection, context):
        try:
            outside = context.wrap_socket(connection, server_side=True)
        except OSError:
            return
        inside = socket.create_connection(self.address)
        threading.Thread(target=pass_on, args=(inside, outside), daemon=True).start()
        pass_on(outside, inside)


def pass_on(one, other):
    """Bytes from one to the other, until either ends."""
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass
    for end in (one, other):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
