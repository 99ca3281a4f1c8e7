"""A static web server: ``server.py SETTINGS``, a JSON file with address, port, page, folder and greeting."""

import functools
import http.server
import json
import pathlib
import socket
import sys


class Pages(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, or one page."""

    def __init__(self, *arguments, page=None, **more):
        self._page = page
        super().__init__(*arguments, **more)

    def send_head(self):
        """Answer with the page, or with a file."""
        if self._page is None:
            return super().send_head()
        if self.path.partition("?")[0] not in ("/", "/index.html"):
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(self._page)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(self._page)
        return None


class Server(http.server.ThreadingHTTPServer):
    """Listens on one address, of either kind."""

    daemon_threads = True

    def __init__(self, address, port, handler):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), handler)


def main(file):
    """Serve until the process is ended."""
    settings = json.loads(pathlib.Path(file).read_text("utf-8"))
    if settings["folder"]:
        pages = functools.partial(Pages, directory=settings["folder"])
    else:
        page = settings["page"].encode() or pathlib.Path(settings["greeting"]).read_bytes()
        pages = functools.partial(Pages, page=page)
    Server(settings["address"], int(settings["port"]), pages).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
