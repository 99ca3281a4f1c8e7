"""Who gets in: tokens, certificates, too many failures; over real sockets, on both databases."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection
from tests.servers import Server, serving

from pilothouse.identity import throttle
from pilothouse.identity.caller import LOCAL
from pilothouse.server import administration, enrolment
from pilothouse.server.app import Authenticate, Parts, refuse
from pilothouse.server.login import LoginError
from pilothouse.server.master.errors import ForbiddenError
from pilothouse.server.observing import App, Receive, Scope, Send
from pilothouse.server.running import Doors
from pilothouse.store import audit, credentials


def whoami(parts: Parts, authenticate: Authenticate) -> App:
    """A door that only says who it takes the caller for."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            caller = await authenticate(scope)
        except LoginError as error:
            await refuse(error, send)
            return
        text = f"{caller.kind}:{caller.name}:{caller.project}:{','.join(sorted(caller.roles))}:{caller.how}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(text))]})
        await send({"type": "http.response.body", "body": text})

    return app


DOORS = Doors(slap=whoami)
# for what asks nothing of the database that another test here does not ask of both
ON_SQLITE = pytest.mark.parametrize("where", ["sqlite"], indirect=True)


@pytest.fixture
async def server(tmp_path: Path, where: str) -> AsyncIterator[Server]:
    async with serving(tmp_path, where, made=DOORS, tls_listen="127.0.0.1:0") as found:
        yield found


def now() -> float:
    return time.time()


async def test_the_first_administrators_token_logs_in_and_is_made_once(server: Server, tmp_path: Path) -> None:
    async with server.client() as client:
        assert (await client.get("/")).text == "user:admin::admin:token"
    async with serving(tmp_path, server.database, made=DOORS) as again:
        assert again.token == ""
        async with again.client(server.token) as client:
            assert (await client.get("/")).status_code == 200


@ON_SQLITE
async def test_without_proof_nobody_gets_in(server: Server) -> None:
    async with server.client(None) as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="pilothouse"')


async def test_expired_revoked_and_removed(server: Server) -> None:
    def prepare(connection: Connection) -> list[str]:
        for name in ("ann", "bob"):
            administration.add_user(connection, LOCAL, name, "", ["operator"], "", now())
        old = administration.new_token(connection, LOCAL, "ann", "access", "", "", 1, now() - 90_000)
        fine = administration.new_token(connection, LOCAL, "ann", "access", "", "", 1, now())
        revoked = administration.new_token(connection, LOCAL, "ann", "access", "", "", None, now())
        administration.revoke_token(connection, LOCAL, credentials.tokens_of(connection, "ann")[-1].token_id, now())
        removed = administration.new_token(connection, LOCAL, "bob", "access", "", "", None, now())
        administration.remove_user(connection, LOCAL, "bob", now())
        return [token.reveal() for token in (old, fine, revoked, removed)]

    old, fine, revoked, removed = await server.write(prepare)
    found = {}
    for name, token in {"old": old, "fine": fine, "revoked": revoked, "removed": removed}.items():
        async with server.client(token) as client:
            answer = await client.get("/")
            found[name] = (answer.status_code, answer.text.partition(";")[0])
    assert found == {
        "old": (401, "the token is expired"),
        "fine": (200, "user:ann::operator:token"),
        "revoked": (401, "the token is revoked"),
        "removed": (401, "the token is revoked"),
    }


@ON_SQLITE
async def test_a_token_acts_in_its_project_only(server: Server) -> None:
    def prepare(connection: Connection) -> str:
        administration.add_user(connection, LOCAL, "ann", "", ["viewer"], "", now())
        administration.add_user(connection, LOCAL, "ann", "", ["operator", "admin"], "blue", now())
        return administration.new_token(connection, LOCAL, "ann", "access", "blue", "", None, now()).reveal()

    async with server.client(await server.write(prepare)) as client:
        assert (await client.get("/")).text == "user:ann:blue:admin,operator:token"


@ON_SQLITE
async def test_tokens_of_one_day_do_not_log_in(server: Server) -> None:
    def prepare(connection: Connection) -> str:
        return administration.new_token(connection, LOCAL, "admin", "client", "", "", None, now()).reveal()

    async with server.client(await server.write(prepare)) as client:
        assert "of another kind" in (await client.get("/")).text


@ON_SQLITE
async def test_too_many_failures_are_not_even_looked_at(server: Server) -> None:
    async with server.client("pha_wrong") as client:
        statuses = [(await client.get("/")).status_code for _ in range(throttle.FAILURES + 1)]
        last = await client.get("/")
    assert statuses == [401] * throttle.FAILURES + [429]
    assert int(last.headers["retry-after"]) > 0
    async with server.client() as client:
        assert (await client.get("/")).status_code == 429, "also with the right token, or guessing would go on"


async def test_a_certificate_of_our_own_logs_in_until_it_is_revoked(server: Server) -> None:
    root = server.root(now())
    ann = await server.write(
        lambda connection: administration.add_user(connection, LOCAL, "ann", "", ["viewer"], "", now())
    )
    pair = await server.write(lambda connection: enrolment.certify(connection, root, LOCAL, "user", ann.name, now()))
    async with server.client(None, pair) as client:
        assert (await client.get("/")).text == "user:ann::viewer:certificate"
        await server.write(lambda connection: enrolment.revoke(connection, LOCAL, "user", "ann", now()))
        answer = await client.get("/")
    assert (answer.status_code, answer.text) == (401, "the certificate of user ann is revoked\n")
    async with server.client(None) as client:
        from cryptography import x509

        listed = x509.load_pem_x509_crl((await client.get("/authority/revoked.pem")).content)
    assert listed.get_revoked_certificate_by_serial_number(int(pair.serial, 16)) is not None


@ON_SQLITE
async def test_a_certificate_that_nobody_recorded_does_not_count(server: Server) -> None:
    pair = server.root(now()).issue("node", "COMP-1", now())
    async with server.client(None, pair) as client:
        assert (await client.get("/")).text == "the certificate of node COMP-1 is unknown\n"


@ON_SQLITE
async def test_a_certificate_of_another_authority_does_not_even_connect(server: Server, tmp_path: Path) -> None:
    from pilothouse.identity.authority import open_authority

    pair = open_authority(tmp_path / "other", now()).issue("user", "admin", now())
    async with server.client(None, pair) as client:
        with pytest.raises(httpx.TransportError):
            await client.get("/")


async def test_a_token_for_a_certificate_counts_once(server: Server) -> None:
    root = server.root(now())
    token = await server.write(
        lambda connection: administration.new_token(connection, LOCAL, "admin", "client", "", "", None, now()).reveal()
    )
    pair = await server.write(lambda connection: enrolment.certify_user(connection, root, token, now()))
    async with server.client(None, pair) as client:
        assert (await client.get("/")).text == "user:admin::admin:certificate"
    with pytest.raises(ForbiddenError, match="used already"):
        await server.write(lambda connection: enrolment.certify_user(connection, root, token, now()))
    assert await server.write(audit.verify) > 3


async def test_mutual_tls_wants_a_certificate_from_everybody(tmp_path: Path) -> None:
    async with serving(tmp_path, made=DOORS, tls_listen="127.0.0.1:0", client_certificates="required") as server:
        async with server.client(secure=True) as client:
            with pytest.raises(httpx.TransportError):
                await client.get("/")
        root = server.root(now())
        pair = await server.write(lambda connection: enrolment.certify(connection, root, LOCAL, "user", "admin", now()))
        async with server.client(None, pair) as client:
            assert (await client.get("/")).text == "user:admin::admin:certificate"
