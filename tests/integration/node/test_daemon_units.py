"""Units for systemd: what they say, read as strictly as we can, and by systemd itself where it is installed."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from pilothouse.cli.main import main
from pilothouse.node.daemon.units import Site, units

SITE = Site(pilothouse="/usr/bin/pilothouse", slapos="/usr/bin/slapos", cfg="/etc/opt/slapos/slapos.cfg")
ALLOWED = {
    "Unit": {"Description", "Documentation", "Wants", "After", "StartLimitIntervalSec"},
    "Service": {
        "Type", "NotifyAccess", "ExecStart", "ExecReload", "Restart", "RestartSec", "WatchdogSec", "KillMode",
        "TimeoutStopSec", "OOMPolicy", "TasksMax", "LimitNOFILE", "UMask", "ProtectKernelLogs", "ProtectKernelModules",
        "ProtectHostname", "KeyringMode",
    },
    "Install": {"WantedBy"},
}  # fmt: skip


def read(text: str) -> dict[str, dict[str, str]]:
    """Read a unit: sections, each key once, comments on lines of their own."""
    found: dict[str, dict[str, str]] = {}
    section = ""
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if head := re.fullmatch(r"\[([A-Z][a-z]+)\]", line):
            section = head[1]
            assert section not in found
            found[section] = {}
            continue
        key, value = re.fullmatch(r"([A-Za-z]+)=(\S.*)", line).groups()  # type: ignore[union-attr]
        assert key in ALLOWED[section], f"[{section}] {key}"
        assert key not in found[section]
        found[section][key] = value
    return found


def test_what_they_say() -> None:
    texts = {name: read(text) for name, text in units(SITE).items()}
    assert set(texts) == {"slapos-node.service", "slapos-boot.service"}
    for unit in texts.values():
        assert set(unit) == set(ALLOWED)
        assert unit["Install"]["WantedBy"] == "multi-user.target"
        assert "network-online.target" in unit["Unit"]["After"]
    kept, boot = texts["slapos-node.service"]["Service"], texts["slapos-boot.service"]["Service"]
    assert kept["ExecStart"] == "/usr/bin/pilothouse node run --cfg /etc/opt/slapos/slapos.cfg"
    assert (kept["Type"], kept["Restart"], kept["WatchdogSec"]) == ("notify", "always", "120")
    assert kept["KillMode"] == "process"  # services of instances outlive a restart of the daemon
    assert kept["OOMPolicy"] == "continue"
    assert boot["ExecStart"] == "/usr/bin/slapos node boot --cfg /etc/opt/slapos/slapos.cfg"
    # it may wait for the master for ever, and nothing may wait for it
    assert boot["Type"] == "exec"
    assert "slapos-boot" not in texts["slapos-node.service"]["Unit"]["After"]


def test_odd_paths_are_words_still() -> None:
    odd = Site(pilothouse="/opt/a b/pilothouse", slapos='/opt/"q"/slapos', cfg="/etc/50%/$HOME/slapos.cfg")
    texts = {name: read(text)["Service"]["ExecStart"] for name, text in units(odd).items()}
    words = shlex.split(texts["slapos-node.service"])
    assert words[0] == "/opt/a b/pilothouse"
    assert words[-1] == "/etc/50%%/$$HOME/slapos.cfg"
    assert shlex.split(texts["slapos-boot.service"])[0] == '/opt/"q"/slapos'


def installed(tmp_path: Path, *words: str) -> Path:
    programs, folder = tmp_path / "bin", tmp_path / "units"
    programs.mkdir()
    for name in ("pilothouse", "slapos"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    assert main(["node", "units", "--install", str(folder), "--program", str(programs / "pilothouse"), *words]) == 0
    return folder


def test_they_are_written_where_a_packager_wants_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = installed(tmp_path, "--cfg", "/srv/slapos.cfg")
    assert "systemctl daemon-reload" in capsys.readouterr().out
    text = (folder / "slapos-node.service").read_text()
    assert read(text)["Service"]["ExecStart"] == f"{tmp_path}/bin/pilothouse node run --cfg /srv/slapos.cfg"
    assert main(["node", "units", "--print", "--cfg", "/srv/slapos.cfg", "--program", "/x/pilothouse"]) == 0
    printed = capsys.readouterr().out
    assert "# slapos-node.service\n[Unit]" in printed
    assert "ExecStart=/x/slapos node boot --cfg /srv/slapos.cfg" in printed


def test_systemd_understands_them(tmp_path: Path) -> None:
    folder = installed(tmp_path)
    found = sorted(map(str, folder.iterdir()))
    assert len(found) == 2
    if program := shutil.which("systemd-analyze"):
        # what other units of this machine lack is no concern of ours
        words = [program, "verify", "--recursive-errors=no", *found]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        complaints = [line for line in (done.stdout + done.stderr).splitlines() if "slapos-" in line]
        assert (done.returncode, complaints) == (0, [])
    else:  # no systemd here: our own reading of them is all there is
        for path in found:
            assert read(Path(path).read_text())["Service"]
