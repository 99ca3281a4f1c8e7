"""Whole jobs against SSH servers that are not OpenSSH as it is shipped."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.jobs import Bench, document, group, operation, phase, ssh_keys, ssh_nodes
from tests.sshd import Sshd

from pilothouse.cli.demo_targets import targets
from pilothouse.jobs.states import State
from pilothouse.settings import Settings

JOB = document(
    "9001",
    group(
        0, phase("p", operation("say", 'echo "said by $NODE_NAME"; printf \'{"v": 1}\' > "$OUTPUT_PATH"', output={}))
    ),
)

OLD = {
    "KexAlgorithms": "ecdh-sha2-nistp521",
    "Ciphers": "aes256-ctr",
    "MACs": "hmac-sha2-256",
}
PLAIN = {"KexAlgorithms": "ecdh-sha2-nistp256", "Ciphers": "chacha20-poly1305@openssh.com", "Compression": "no"}


@pytest.mark.parametrize("algorithms", [OLD, PLAIN], ids=["nistp521, aes-ctr, hmac", "nistp256, chacha20"])
async def test_a_job_on_sshd_that_speaks_other_algorithms(
    make_sshd: Callable[..., Sshd], tmp_path: Path, algorithms: dict[str, str]
) -> None:
    sshd = make_sshd(**algorithms)
    bench = Bench(sshd.settings(data=tmp_path / "data"))
    assert (await bench.run(JOB, ssh_nodes(sshd, 2))).state is State.SUCCEEDED
    assert "said by web-2" in bench.log("9001", "p", ssh_keys(sshd, 2)[1])


async def test_a_job_on_the_server_of_asyncssh(sshd: Sshd, tmp_path: Path) -> None:
    async with targets(tmp_path / "server", embedded=True) as reached:
        settings = Settings(data=tmp_path / "data", known_hosts=(reached.known_hosts,), identities=(reached.key,))
        bench = Bench(msgspec.structs.replace(settings, connect_timeout=20.0))
        nodes = [{**node, "protocolPort": reached.port} for node in ssh_nodes(sshd, 3)]
        assert (await bench.run(JOB, nodes)).state is State.SUCCEEDED
    assert bench.json("9001", "output", f"{ssh_keys(sshd, 3)[2]}.json")["say_1"] == {"v": 1}
