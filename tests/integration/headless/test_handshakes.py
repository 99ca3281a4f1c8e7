"""Strangers who open connections to the TLS port and never finish the handshake (headless 10.1, 17)."""

import asyncio
import ssl
from pathlib import Path

import trustme
from tests.headlessserver import serving

from pilothouse.headless.frames import PREAMBLE
from pilothouse.headless.server.bounds import Bounds


async def gone(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(3):
            return await reader.read(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


async def test_handshakes_that_are_not_finished_push_out_each_other(tmp_path: Path) -> None:
    authority = trustme.CA()
    theirs, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    certificate = authority.issue_cert("localhost")
    certificate.configure_cert(theirs)
    authority.configure_trust(ours)
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    async with serving(tmp_path, tls=theirs, certificate=der, bounds=Bounds(half_open=4)) as server:
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(6)]
        assert [await gone(each) for each, _ in silent[:2]] == [True, True]
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=ours, server_hostname="localhost")
        writer.write(PREAMBLE)
        assert await reader.readexactly(6) == PREAMBLE
        for _, each in (*silent, (reader, writer)):
            each.close()


async def test_one_address_has_so_many_handshakes(tmp_path: Path) -> None:
    authority = trustme.CA()
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate = authority.issue_cert("localhost")
    certificate.configure_cert(theirs)
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    async with serving(tmp_path, tls=theirs, certificate=der, bounds=Bounds(connections_per_address=3)) as server:
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(4)]
        assert await gone(silent[3][0])
        for _, each in silent:
            each.close()
