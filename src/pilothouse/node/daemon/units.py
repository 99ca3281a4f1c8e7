"""Units for systemd (texts only): the daemon, and what brings a machine back after a start. Pure."""

from typing import Final

import msgspec

_DAEMON: Final = """\
[Unit]
Description=Keeps this machine as its SlapOS master declares it
Documentation=man:systemd.service(5)
Wants=network-online.target
# not after slapos-boot.service: while the master is away that one waits, and services must be started meanwhile
After=network-online.target local-fs.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={pilothouse} node run --cfg {cfg}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5
WatchdogSec=120
# services of instances live in supervisord, which passes start: they stay when the daemon is restarted
KillMode=process
# the daemon itself asks for more time when it waits for passes
TimeoutStopSec=30
# a build that eats all memory is no reason to end the node
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=1048576:1048576
UMask=0022
{hardening}
[Install]
WantedBy=multi-user.target
"""
_BOOT: Final = """\
[Unit]
Description=Brings the instances of this SlapOS node back after a start of the machine
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target local-fs.target

[Service]
# it tries until the master has heard of it, which nothing else waits for
Type=exec
ExecStart={slapos} node boot --cfg {cfg}
Restart=on-failure
RestartSec=15
UMask=0022
{hardening}
[Install]
WantedBy=multi-user.target
"""
# Accounts, addresses and taps are made, builds and instances run as their users, promises may call ping: no filter on
# system calls, privileges, devices or addresses, and no part of the disk that is read-only for all of them.
_HARDENING: Final = """\
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectHostname=yes
KeyringMode=private
"""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Where the programs and the node's file are."""

    pilothouse: str
    slapos: str
    cfg: str


def units(site: Site) -> dict[str, str]:
    """Return the units by the names of their files."""
    values = {
        "pilothouse": _quoted(site.pilothouse),
        "slapos": _quoted(site.slapos),
        "cfg": _quoted(site.cfg),
        "hardening": _HARDENING,
    }
    return {"slapos-node.service": _DAEMON.format(**values), "slapos-boot.service": _BOOT.format(**values)}


def _quoted(word: str) -> str:
    """Return a word of a command line as systemd reads it: quotes, its own ``%``, and no variables."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if set(word) & set(" \t'\"\\;") else escaped
