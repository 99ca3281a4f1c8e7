"""An FTP server for tests: one user, files in memory, passive transfers on loopback."""

import os
import posixpath
import socket
import socketserver
import threading

USER = "ann"
PASSWORD = "it's \"$ecret\\"
MODIFIED = "20200913122640"


class FtpServer(socketserver.ThreadingTCPServer):
    """Holds files by absolute path; ``asked`` are the commands that it got, without passwords."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.files: dict[str, bytes] = {"/pub/big one.bin": os.urandom(300_000), "/pub/empty": b""}
        self.asked: list[str] = []
        self.cut = False
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"ftp://127.0.0.1:{self.server_address[1]}"

    def start(self) -> "FtpServer":
        self._thread.start()
        return self

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    server: FtpServer
    user = ""
    inside = False
    folder = "/"
    renamed = ""
    listener: socket.socket | None = None

    def handle(self) -> None:
        self.say("220 ready")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            verb, _, word = line.partition(" ")
            verb = verb.upper()
            self.server.asked.append(verb if verb == "PASS" else f"{verb} {word}".strip())
            if verb == "QUIT":
                self.say("221 bye")
                break
            action = getattr(self, f"do_{verb.lower()}", None)
            if action is None:
                self.say("502 not here")
            elif not self.inside and verb not in {"USER", "PASS"}:
                self.say("530 log in first")
            else:
                action(word)
        if self.listener is not None:
            self.listener.close()

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def path(self, word: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, word))

    def do_user(self, word: str) -> None:
        self.user = word
        self.say("331 password?")

    def do_pass(self, word: str) -> None:
        self.inside = (self.user, word) == (USER, PASSWORD)
        self.say("230 in" if self.inside else "530 wrong login")

    def do_type(self, word: str) -> None:
        self.say("200 so be it")

    def do_pwd(self, word: str) -> None:
        self.say(f'257 "{self.folder}"')

    def do_cwd(self, word: str) -> None:
        found = self.path(word)
        if found != "/" and not any(name.startswith(f"{found}/") for name in self.server.files):
            self.say("550 no such folder")
            return
        self.folder = found
        self.say("250 there")

    def do_pasv(self, word: str) -> None:
        port = self.listen()
        self.say(f"227 here (127,0,0,1,{port // 256},{port % 256})")

    def do_epsv(self, word: str) -> None:
        self.say(f"229 here (|||{self.listen()}|)")

    def listen(self) -> int:
        if self.listener is not None:
            self.listener.close()
        self.listener = socket.create_server(("127.0.0.1", 0))
        return int(self.listener.getsockname()[1])

    def do_size(self, word: str) -> None:
        found = self.server.files.get(self.path(word))
        self.say("550 no such file" if found is None else f"213 {len(found)}")

    def do_mdtm(self, word: str) -> None:
        self.say(f"213 {MODIFIED}" if self.path(word) in self.server.files else "550 no such file")

    def do_retr(self, word: str) -> None:
        found = self.server.files.get(self.path(word))
        if found is None:
            self.say("550 no such file")
            return
        with self.transfer() as peer:
            peer.sendall(found[:1000] if self.server.cut else found)
        self.say("226 done")

    def do_stor(self, word: str) -> None:
        content = b""
        with self.transfer() as peer:
            while chunk := peer.recv(65536):
                content += chunk
        if self.server.cut:
            self.say("452 disk full")
            self.server.files[self.path(word)] = content[:1000]
            return
        self.server.files[self.path(word)] = content
        self.say("226 kept")

    def transfer(self) -> socket.socket:
        assert self.listener is not None
        self.say("150 here it comes")
        return self.listener.accept()[0]

    def do_rnfr(self, word: str) -> None:
        self.renamed = self.path(word)
        self.say("350 to what?" if self.renamed in self.server.files else "550 no such file")

    def do_rnto(self, word: str) -> None:
        self.server.files[self.path(word)] = self.server.files.pop(self.renamed)
        self.say("250 renamed")

    def do_dele(self, word: str) -> None:
        self.server.files.pop(self.path(word), None)
        self.say("250 gone")
