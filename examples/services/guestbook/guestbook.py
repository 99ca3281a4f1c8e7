"""A guestbook: ``guestbook.py SETTINGS``, a JSON file with title, address, port and where the database is."""

import contextlib
import html
import http.server
import json
import pathlib
import socket
import sys
import traceback
import urllib.parse

import pg8000.native

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<h1>{title}</h1>
<form method="post">
<input name="entry" maxlength="200" required aria-label="Your entry"> <button>Write</button>
</form>
<p>Entries: {count}</p>
<ol reversed>
{entries}
</ol>
</html>
"""
TABLE = "CREATE TABLE IF NOT EXISTS entry (id bigserial PRIMARY KEY, text text NOT NULL)"
LARGEST = 4096


@contextlib.contextmanager
def database(settings):
    """Open a connection for as long as the context lasts."""
    connection = pg8000.native.Connection(
        settings["database-user"],
        host=settings["database-host"],
        port=int(settings["database-port"]),
        database=settings["database-name"],
        password=settings["database-password"],
        timeout=5,
    )
    try:
        yield connection
    finally:
        connection.close()


class Book(http.server.BaseHTTPRequestHandler):
    """``/`` is the book, ``/health`` says whether the database answers."""

    settings = None

    def do_GET(self):
        """Show the book."""
        self._answered({"/": self._book, "/health": self._health}.get(self.path))

    def do_POST(self):
        """Write an entry."""
        self._answered(self._write if self.path == "/" else None)

    def _answered(self, work):
        if work is None:
            return self._say(404, "there is no such page")
        try:
            with database(self.settings) as connection:
                connection.run(TABLE)
                work(connection)
        except (pg8000.native.Error, OSError):
            traceback.print_exc()
            self._say(503, "the database does not answer")

    def _book(self, connection):
        [[count]] = connection.run("SELECT count(*) FROM entry")
        rows = connection.run("SELECT text FROM entry ORDER BY id DESC LIMIT 100")
        entries = "\n".join(f"<li>{html.escape(text)}</li>" for (text,) in rows)
        title = html.escape(self.settings["title"])
        self._say(200, PAGE.format(title=title, count=count, entries=entries), "text/html")

    def _health(self, connection):
        connection.run("SELECT 1")
        self._say(200, "the database answers")

    def _write(self, connection):
        length = min(int(self.headers.get("Content-Length", 0)), LARGEST)
        form = urllib.parse.parse_qs(self.rfile.read(length).decode("utf-8", "replace"))
        text = form.get("entry", [""])[0].strip()
        if not text:
            return self._say(400, "an entry has some text")
        connection.run("INSERT INTO entry (text) VALUES (:text)", text=text)
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def _say(self, status, text, kind="text/plain"):
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(http.server.ThreadingHTTPServer):
    """Listens on one address, of either kind."""

    daemon_threads = True

    def __init__(self, address, port):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), Book)


def main(file):
    """Serve until the process is ended."""
    Book.settings = json.loads(pathlib.Path(file).read_text("utf-8"))
    Server(Book.settings["address"], int(Book.settings["port"])).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
