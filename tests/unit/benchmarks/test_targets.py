"""Addresses and server configurations: loopback and nothing else."""

import ipaddress
from pathlib import Path

import pytest
from benchmarks.targets import addresses, client_config, server_config


def test_addresses_are_different_and_on_loopback() -> None:
    found = addresses(1000)
    assert len(set(found)) == 1000
    assert found[0] == "127.0.1.1"
    assert (found[249], found[250]) == ("127.0.1.250", "127.0.2.1")
    assert all(ipaddress.ip_address(host).is_loopback for host in found)


@pytest.mark.parametrize("count", [0, -1, 1001])
def test_numbers_out_of_bounds_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="allowed: 1 to 1000"):
        addresses(count)


def test_servers_listen_on_the_given_addresses_only_and_admit_one_user_from_loopback() -> None:
    text = server_config(Path("/x y"), ("127.0.1.1", "127.0.1.2"), 2400, "someone")
    listening = [line.split()[1] for line in text.splitlines() if line.startswith("ListenAddress")]
    assert listening == ["127.0.1.1", "127.0.1.2"]
    assert "AllowUsers someone@127.*" in text
    assert "PasswordAuthentication no" in text
    assert 'HostKey "/x y/host_key"' in text


def test_clients_take_nothing_but_the_throwaway_key() -> None:
    text = client_config(Path("/x y/user_key"), 2400, "someone")
    assert 'IdentityFile "/x y/user_key"' in text
    assert "IdentitiesOnly yes" in text
