"""The classic calls that are more than one function of the master: kept documents, this server itself."""

import secrets
import string
from typing import Final

from pilothouse.server.api.slap import documents, forms
from pilothouse.server.api.slap.exchange import BY_CALLER, FRESH, XML, Answer, Request, text, with_headers
from pilothouse.server.api.slap.node_documents import Kept, NodeDocuments
from pilothouse.server.api.slap.routes import Route
from pilothouse.server.api.slap.signs_of_life import SignsOfLife

_RUN_ID_LENGTH: Final = 32
_AN_HOUR: Final = (b"cache-control", b"max-age=3600")


def run_id() -> str:
    """Return a name for one start of this server, by which it knows itself (slapos-master 2, 6.10)."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_RUN_ID_LENGTH))


class ServerCalls:
    """What is asked of the server as it stands."""

    def __init__(self, kept: NodeDocuments, life: SignsOfLife, run: str, home: str) -> None:
        self._kept = kept
        self._life = life
        self._run = run
        self._home = home

    def routes(self) -> dict[str, dict[str, Route]]:
        """Return the table of these paths."""
        full = {"GET": Route(self.computer)}
        return {
            "": {"GET": Route(self.front, open=True)},
            "getFullComputerInformation": full,
            "getComputerInformation": full,
            "getRunId": {"GET": Route(self.run_id, open=True)},
            "getHateoasUrl": {"GET": Route(self.hateoas_url, open=True)},
        }

    async def computer(self, request: Request) -> Answer:
        """Answer with a whole node, or that the client's copy is still true."""
        computer = forms.parse(request.query).named("computer_id")
        kept = await self._kept.get(request.caller, computer)
        await self._life.heard(request.caller, computer)
        headers = (
            FRESH,
            BY_CALLER,
            (b"etag", kept.etag.encode()),
            (b"last-modified", documents.http_date(kept.modified)),
        )
        if unchanged(request, kept):
            return Answer(304, headers=headers)
        wanted = "gzip" in (request.header(b"accept-encoding") or "")
        packed = await self._kept.gzipped(computer, kept) if wanted else None
        if packed is None:
            return Answer(200, kept.body, XML, headers)
        return Answer(200, packed, XML, (*headers, (b"content-encoding", b"gzip")))

    async def run_id(self, _: Request) -> Answer:
        """Answer with the name of this start."""
        return text(self._run)

    async def hateoas_url(self, request: Request) -> Answer:
        """Answer with where hateoas begins."""
        return with_headers(text(f"{request.base}/hateoas/"), _AN_HOUR)

    async def front(self, request: Request) -> Answer:
        """Lead people to the product's page."""
        return Answer(302, headers=((b"location", f"{request.base}{self._home}".encode()),))


def unchanged(request: Request, kept: Kept) -> bool:
    """Whether the client says that it has this very document."""
    known = request.header(b"if-none-match")
    return known is not None and (known.strip() == "*" or kept.etag in known)
