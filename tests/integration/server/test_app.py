"""What surrounds every request: health, metrics, ids, the access log, limits, and a clean stop."""

import asyncio
import gc
import json
import logging
import socket
from pathlib import Path
from typing import Any

import pytest
from litestar import post
from litestar.params import JSONBody
from tests.servers import serving

from pilothouse.errors import RefusedError, SettingsError
from pilothouse.server import peer
from pilothouse.server.app import Authenticate, Parts
from pilothouse.server.observing import App, Receive, Scope, Send
from pilothouse.server.profile import Profile
from pilothouse.server.running import Doors


def doors(work: App) -> Doors:
    """Doors behind which every path does ``work``."""

    @post("/api/v1/size", status_code=200)
    async def size(data: JSONBody[dict[str, str]]) -> int:
        return len(data)

    def slap(parts: Parts, authenticate: Authenticate) -> App:
        return work

    return Doors(slap=slap, routes=(size,))


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def fail(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("a secret detail")


async def hang(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await asyncio.sleep(3600)


OPEN = Profile(login=False)


async def test_health_and_metrics(tmp_path: Path) -> None:
    async with serving(tmp_path, made=doors(answer)) as server, server.client(None) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok", "database": "ok"}
        await client.get("/anything/at/all")
        await client.get("/hateoas/")
        page = (await client.get("/metrics")).text
    assert 'pilothouse_requests_total{dialect="classic",status="200"} 1.0' in page
    assert 'pilothouse_requests_total{dialect="hateoas",status="200"} 1.0' in page
    assert 'pilothouse_instances{state="started"} 0.0' in page
    assert 'pilothouse_store_waiting{access="write"} 0.0' in page


async def test_ids_and_the_access_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pilothouse.access")
    async with serving(tmp_path, profile=OPEN, made=doors(answer)) as server, server.client(None) as client:
        given = await client.get("/a?secret=1", headers={"x-request-id": "deploy-7"})
        strange = await client.get("/a", headers={"x-request-id": "two words"})
    assert given.headers["x-request-id"] == "deploy-7"
    assert strange.headers["x-request-id"] not in {"two words", ""}
    line = json.loads(caplog.messages[0])
    assert (line["id"], line["path"], line["status"], line["bytes"]) == ("deploy-7", "/a", 200, 2)
    assert "secret" not in caplog.messages[0]


async def test_what_nobody_foresaw_is_logged_and_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path, profile=OPEN, made=doors(fail)) as server, server.client(None) as client:
        found = await client.get("/a", headers={"x-request-id": "r1"})
    assert (found.status_code, found.text) == (500, "Internal server error\n")
    assert "request r1 failed: GET /a" in caplog.text
    assert "a secret detail" in caplog.text


async def test_patience_ends(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, profile=OPEN, made=doors(hang), request_timeout=0.2) as server,
        server.client(None) as client,
    ):
        found = await client.post("/a", content=b"x")
    assert found.status_code == 503


async def test_large_bodies_are_refused(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, profile=OPEN, made=doors(answer), request_limit=1000) as server,
        server.client(None) as client,
    ):
        assert (await client.post("/api/v1/size", json={"a": "x"})).json() == 1
        assert (await client.post("/api/v1/size", json={"a": "x" * 1000})).status_code == 413


async def test_connections_that_say_nothing_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "FIRST_REQUEST", 0.1)
    async with serving(tmp_path, profile=OPEN, made=doors(answer)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\nHost")
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        await writer.wait_closed()


async def test_a_request_that_runs_is_finished_at_the_stop(tmp_path: Path) -> None:
    begun, finish = asyncio.Event(), asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await finish.wait()
        await answer(scope, receive, send)

    async with serving(tmp_path, profile=OPEN, made=doors(slow)) as server:
        client = server.client(None)
        request = asyncio.create_task(client.get("/a"))
        await begun.wait()
        asyncio.get_running_loop().call_later(0.3, finish.set)
    assert (await request).text == "ok"
    await client.aclose()


async def test_plain_http_where_others_listen_in_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="--tls-listen"):
        async with serving(tmp_path, made=doors(answer), listen="0.0.0.0:0"):
            pass
    assert not (tmp_path / "server.db").exists()
    async with serving(tmp_path, made=doors(answer), listen="0.0.0.0:0", allow_plain=True) as server:
        assert server.url.startswith("http://0.0.0.0:")


@pytest.mark.parametrize("listen", ["8080", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:http", ":80"])
async def test_addresses_are_checked(tmp_path: Path, listen: str) -> None:
    with pytest.raises(SettingsError, match=r"127\.0\.0\.1:8080"):
        async with serving(tmp_path, made=doors(answer), listen=listen):
            pass


async def test_answers_do_not_wait_for_acknowledgements(tmp_path: Path) -> None:
    async with serving(tmp_path, profile=OPEN, made=doors(answer)) as server, server.client(None) as client:
        await client.get("/a")
        (transport,) = _accepted(int(server.url.rpartition(":")[2]))
        wire = transport.get_extra_info("socket")
        assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def _accepted(port: int) -> list[asyncio.Transport]:
    """Return the connections that a server on this port has open."""
    return [
        each.transport
        for each in gc.get_objects()
        if type(each) is peer.PeerProtocol and each.transport is not None and each.server and each.server[1] == port
    ]


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    async with serving(tmp_path, made=doors(answer)) as server:
        taken = server.url.removeprefix("http://")
        with pytest.raises(SettingsError, match=taken):
            async with serving(tmp_path / "other", made=doors(answer), listen=taken):
                pass


async def test_tls_with_a_certificate_of_the_site(tmp_path: Path) -> None:
    import ssl

    import httpx
    import trustme

    site = trustme.CA()
    issued = site.issue_cert("localhost")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    trust = ssl.create_default_context()
    site.configure_trust(trust)
    settings: dict[str, Any] = {"listen": "", "tls_listen": "127.0.0.1:0", "tls_certificate": tmp_path / "server.pem"}
    async with serving(tmp_path, made=doors(answer), **settings) as server:
        assert server.url == ""
        base = server.secure.replace("127.0.0.1", "localhost")
        async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
            assert (await client.get(f"{base}/healthz")).status_code == 200
    (tmp_path / "server.pem").write_text("nonsense")
    with pytest.raises(SettingsError, match="not a certificate and its key"):
        async with serving(tmp_path, made=doors(answer), **settings):
            pass
