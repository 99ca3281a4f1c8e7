"""Archives as scripts, on the runner and on targets behind a real sshd (spec sections 6.5 and 6.6)."""

from pathlib import Path

from tests.archives import tar
from tests.jobs import Bench, Document, document, group, operation, phase, ssh_keys, ssh_nodes
from tests.sshd import Sshd

from pilothouse.jobs.states import State

ENTRY = """#!/bin/sh
here=$(dirname "$0")
. "$here/lib/words.sh"
say "$1" "$2"
cksum <"$here/data.bin"
[ -z "$OUTPUT_PATH" ] || printf '{"done": "%s"}' "$2" >"$OUTPUT_PATH"
"""
DATA = bytes(range(256)) * 5000
DECLARED = {"done": {"type": "text"}}


def package(name: str, kind: str) -> Document:
    made = operation(name, "", kind, opt={"to": "a b"}, output=DECLARED)
    return {**made, "interpreter": "package", "scriptContent": None}


async def test_a_package_runs_on_both_sides(bench: Bench, sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "script").mkdir()
    members: dict[str, str | bytes] = {"lib/words.sh": 'say() { echo "said $1 $2"; }', "data.bin": DATA}
    (tmp_path / "script" / "here.tar").write_bytes(tar({**members, "here": ENTRY}, mode="w:gz"))
    (tmp_path / "script" / "there.tar").write_bytes(tar({**members, "run.sh": ENTRY.removeprefix("#!/bin/sh\n")}))
    doc = document(
        "4401",
        group(0, phase("runner", package("here", "runner"))),
        group(1, phase("target", package("there", "target"))),
    )
    result = await bench.run(doc, ssh_nodes(sshd, 1), beside=tmp_path)
    assert result.state is State.SUCCEEDED
    [key] = ssh_keys(sshd, 1)
    sums = []
    for where, node in (("runner", "local-0-0"), ("target", key)):
        log = bench.log("4401", where, node)
        assert "said --to a b" in log
        sums += [line.split()[-2:] for line in log.splitlines() if line.endswith(f" {len(DATA)}")]
    assert len(sums) == 2
    assert sums[0] == sums[1]
    assert bench.json("4401", "output", f"{key}.json")["there_1"] == {"done": "a b"}
