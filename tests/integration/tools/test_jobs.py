"""Tools in whole jobs: on the runner for every node of a real SSH server, then on the nodes themselves."""

from pathlib import Path

from tests.jobs import Bench, document, group, phase, ssh_keys, ssh_nodes, tool
from tests.sshd import Sshd

from pilothouse.jobs.states import State


async def test_a_job_copies_extracts_and_starts(bench: Bench, sshd: Sshd, tmp_path: Path) -> None:
    space = bench.space("7201")
    (space.root / "file").mkdir(parents=True)
    (space.root / "file/app.sh").write_text("echo started >$1\n", "utf-8")
    target = tmp_path / "on target"
    doc = document(
        "7201",
        group(
            0,
            phase(
                "copy",
                tool(
                    "fileops/remotecopy",
                    "runner_target",
                    opId="c_1",
                    opt={"src": "file/*", "dest": f"{target}/$NODE_NAME/"},
                ),
            ),
        ),
        group(
            1,
            phase(
                "start",
                tool(
                    "fileops/package",
                    "target",
                    opId="p_1",
                    opt={"base": f"{target}/$NODE_NAME", "src": "app.sh", "dest": f"{target}/$NODE_NAME.tar.gz"},
                    output={"filePath": {"type": "text", "defaultValue": ""}},
                ),
                tool(
                    "fileops/extract",
                    "target",
                    opId="e_1",
                    opt={"src": "${start.p_1.filePath}", "dest": f"{target}/$NODE_NAME.d"},
                ),
                tool(
                    "startstop/startwait",
                    "target",
                    opId="s_1",
                    opt={
                        "prescript": f"sh '{target}/'$NODE_NAME.d/app.sh '{target}/'$NODE_NAME.log",
                        "eofstr": "started",
                        "timeout": "20",
                    },
                    desc={"prescript": "textarea"},
                    arg=[{"type": "text", "value": f"{target}/$NODE_NAME.log"}],
                ),
            ),
        ),
    )
    result = await bench.run(doc, ssh_nodes(sshd, 2))
    keys = ssh_keys(sshd, 2)
    assert result.state is State.SUCCEEDED, bench.log("7201", "copy", keys[0])
    for name, key in zip(("web-1", "web-2"), keys, strict=True):
        assert (target / f"{name}.log").read_text("utf-8") == "started\n"
        assert "FINE: the logs say so" in bench.log("7201", "start", key)
