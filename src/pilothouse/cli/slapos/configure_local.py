"""``slapos configure local``: from nothing to a machine with a master of its own (node spec, section 22).

As root the machine gets accounts and addresses. An ordinary user gets one that changes neither; then, and where
the interface has no global IPv6 address, partitions have addresses of loopback, which need no configuration.
"""

import argparse
import logging
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pilothouse.cli.slapos.call import FAILED, CommandError
from pilothouse.cli.slapos.commands import Entry
from pilothouse.cli.slapos.configuration import node_path

if TYPE_CHECKING:
    from pilothouse.node.configuration import Configuration

COMPUTER: Final = "local_computer"
_NO_ROOT: Final = 5
_PATIENCE: Final = 60.0
_LOOPBACK: Final = "127.16.0.0/16"
_CONFIGURATION: Final = "/etc/opt/slapos"
_INSTANCES: Final = "/srv/slapgrid"
_SOFTWARE: Final = "/opt/slapgrid"
_OWN: Final = "/opt/slapos"
_log = logging.getLogger("slapos")


def _arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--cfg", help="SlapOS configuration file (in the folder of configuration files)")
    add("--interface-name", default="lo", help="Primary network interface. Default is 'lo'")
    add("--partition-number", type=int, default=20, help="Number of partitions to create (default: %(default)s)")
    add("--ipv4-local-network", default="10.0.0.0/16", help="Subnetwork of partitions (default: %(default)s)")
    add("--daemon-listen-ip", default="127.0.0.1", help="Listening IP of the local master (default: %(default)s)")
    add("--daemon-listen-port", type=int, default=8080, help="Its port (default: %(default)s)")
    add("--slapos-instance-root", default=_INSTANCES, help="Target location of instances (default: %(default)s)")
    add("--slapos-software-root", default=_SOFTWARE, help="Target location of software (default: %(default)s)")
    add("--slapos-buildout-directory", default=_OWN, help="Target location of the node's own files "
        "(default: %(default)s)")  # fmt: skip
    add("--enable-shacache-proxy", action="store_true", help="Let the local master keep what is downloaded")
    add("--slapos-configuration-directory", help=f"Target location of configuration files (default: {_CONFIGURATION})")


def _run(chosen: argparse.Namespace) -> int:
    from pilothouse.node import boot, supervisord

    place = Path(chosen.slapos_configuration_directory or (Path(chosen.cfg).parent if chosen.cfg else _CONFIGURATION))
    place = place.expanduser().absolute()
    if os.geteuid() and not _may_do_without_root(chosen, place):
        _log.error("This slapos command must be run as root.")
        _log.error("An ordinary user gives all four --slapos-...-directory and -root options.")
        return _NO_ROOT
    file = place / "slapos.cfg"
    if file.exists():
        _log.error("A SlapOS configuration directory already exist at %s. Aborting.", file)
        return FAILED
    if os.geteuid() == 0:
        _require_readable()
    _require_sense(chosen)
    plain = os.geteuid() != 0 or not boot.has_address(chosen.interface_name)
    if plain:
        _log.warning("The network stays as it is: partitions have addresses of %s.", _LOOPBACK)
    config = _written(chosen, file, plain=plain)
    try:
        _format(file, tells=False)
    except BaseException:
        file.unlink()  # so that the command can be given again
        raise
    node = supervisord.prepare(config)
    _declare_proxy(chosen, place, node.group_file("slapproxy"))
    _link_client(file)
    supervisord.launch(node)
    _await_master(config.master_url)
    code = _format(file)
    if code:
        _log.error(
            "This machine is not ready yet; when what is said above is mended: slapos node format --now --cfg %s", file
        )
    else:
        _log.info("This machine is ready. Its file is %s%s", file, _naming(file))
        _log.info("Next: slapos supply example.web %s, then slapos request hello example.web,", COMPUTER)
        _log.info("then slapos node software and slapos node instance. All examples: pilothouse service examples")
    return 0


def _naming(file: Path) -> str:
    """Say how the file is named to commands, unless they find it."""
    if str(file) == node_path(None):
        return "."
    return "; name it with --cfg or $SLAPOS_CONFIGURATION."


def _require_sense(chosen: argparse.Namespace) -> None:
    """Refuse what cannot work before anything is written. Raises CommandError."""
    import socket
    from ipaddress import IPv4Network

    if not Path("/sys/class/net", chosen.interface_name).exists():
        names = ", ".join(name for _, name in socket.if_nameindex())
        raise CommandError(f"There is no interface {chosen.interface_name!r}.", f"--interface-name may be: {names}")
    try:
        IPv4Network(chosen.ipv4_local_network, strict=False)
    except ValueError as error:
        raise CommandError(f"--ipv4-local-network: {error}", "Give one such as 10.0.0.0/16.") from None
    place = (chosen.daemon_listen_ip, chosen.daemon_listen_port)
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise CommandError(
                f"The local master cannot listen at {place[0]}, port {place[1]}: {reason}.",
                "Give another address or port with --daemon-listen-ip and --daemon-listen-port.",
            ) from None


def _require_readable() -> None:
    """Let the users of releases and instances be able to run this installation. Raises CommandError."""
    from pilothouse.cli import ordinary_user

    if ordinary_user.can_run_us():
        return
    raise CommandError(
        f"Other users cannot read {sys.prefix}, and releases and instances have users of their own.",
        "Install into a folder that everybody can read, with a Python that everybody can run:\n"
        "  /usr/bin/python3 -m venv /opt/pilothouse && /opt/pilothouse/bin/pip install pilothouse",
    )


def _may_do_without_root(chosen: argparse.Namespace, place: Path) -> bool:
    usual = (_INSTANCES, _SOFTWARE, _OWN, _CONFIGURATION)
    asked = (chosen.slapos_instance_root, chosen.slapos_software_root, chosen.slapos_buildout_directory, str(place))
    return not any(one == default for one, default in zip(asked, usual, strict=True))


def _written(chosen: argparse.Namespace, file: Path, *, plain: bool) -> "Configuration":
    """Write slapos.cfg and slapos-proxy.cfg, and make the folders that they name."""
    from pilothouse.cli.slapos import local_cache, node_pass, templates
    from pilothouse.files import write_atomic
    from pilothouse.node.configuration import configuration

    own = Path(chosen.slapos_buildout_directory).expanduser().absolute()
    text = templates.filled("slapos.cfg", _values(chosen, own, plain=plain))
    write_atomic(file, text.encode(), durable=True)
    proxy = (
        f"[slapos]\ncomputer_id = {COMPUTER}\ninstance_root = {_full(chosen.slapos_instance_root)}\n"
        f"software_root = {_full(chosen.slapos_software_root)}\n\n[slapproxy]\nhost = {chosen.daemon_listen_ip}\n"
        f"port = {chosen.daemon_listen_port}\ndatabase_uri = {own}/slapproxy.db\n"
    )
    if chosen.enable_shacache_proxy:
        proxy += local_cache.proxy_lines(Path(chosen.slapos_instance_root).expanduser().absolute())
    write_atomic(file.with_name("slapos-proxy.cfg"), proxy.encode(), durable=True)
    log = own / "log"
    log.mkdir(parents=True, exist_ok=True)
    log.chmod(0o700)
    path, sections = node_pass.sections_of(str(file))
    return configuration(path, sections, {})


def _full(path: str) -> str:
    return str(Path(path).expanduser().absolute()).replace("%", "%%")


def _values(chosen: argparse.Namespace, own: Path, *, plain: bool) -> dict[str, dict[str, str | None]]:
    from pilothouse.cli.slapos import local_cache

    address = chosen.daemon_listen_ip
    master = f"http://{f'[{address}]' if ':' in address else address}:{chosen.daemon_listen_port}"
    root = os.geteuid() == 0
    return {
        **({"networkcache": local_cache.node_values(master)} if chosen.enable_shacache_proxy else {}),
        "slapos": {
            "computer_id": COMPUTER,
            "master_url": master,
            "master_rest_url": f"{master}/hateoas",
            "key_file": None,
            "cert_file": None,
            "certificate_repository_path": None,
            "instance_root": str(Path(chosen.slapos_instance_root).expanduser().absolute()),
            "software_root": str(Path(chosen.slapos_software_root).expanduser().absolute()),
            "root_check": None if root else "false",
            **{f"pidfile_{kind}": f"{own}/slapgrid-{kind}.pid" for kind in ("software", "instance", "report")},
        },
        "slapformat": {
            "interface_name": chosen.interface_name,
            "ipv4_local_network": _LOOPBACK if plain else chosen.ipv4_local_network,
            "partition_amount": str(chosen.partition_number),
            "computer_xml": f"{own}/slapos.xml",
            "log_file": f"{own}/log/slapos-node-format.log",
            "alter_user": None if root else "false",
            "alter_network": "false" if plain else None,
        },
    }


def _declare_proxy(chosen: argparse.Namespace, place: Path, target: Path) -> None:
    from pilothouse.node import supervision, supervisord

    own = Path(chosen.slapos_buildout_directory).expanduser().absolute()
    program = own / "bin" / "slapos"
    begin = [str(program)] if program.exists() else [sys.executable, "-m", "pilothouse.cli.slapos.main"]
    command = shlex.join([*begin, "proxy", "start", "--cfg", str(place / "slapos-proxy.cfg")])
    text = supervision.daemon_text("slapproxy", command, own / "log" / "slapos-proxy.log", supervisord.LIBRARIES)
    supervisord.written(target, text)


def _format(file: Path, *, tells: bool = True) -> int:
    from pilothouse.cli.slapos import node_pass
    from pilothouse.node import format as formatting
    from pilothouse.node.shape import shape
    from pilothouse.node.system import System

    path, sections = node_pass.sections_of(str(file))
    asked = shape(path, sections, {}, dry=False)
    if tells:
        return formatting.run(asked, dry=False)
    formatting.prepare(asked, System())
    return 0


def _link_client(file: Path) -> None:
    folder = Path("~/.slapos").expanduser()
    link = folder / "slapos-client.cfg"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        made = not link.exists() and not link.is_symlink()
        if made:
            link.symlink_to(file)
    except OSError as error:  # accounts of services have no home
        _log.warning("%s cannot be made (%s); give commands of clients --cfg %s", link, error.strerror, file)
        return
    if made:
        _log.info("Commands of clients find this master by %s.", link)
    elif link.resolve() != file.resolve():
        _log.warning(
            "%s is there already, and commands of clients go by it; for this master give them --cfg %s", link, file
        )


def _await_master(url: str) -> None:
    import urllib.error
    import urllib.request

    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"{url}/getRunId", timeout=5):  # noqa: S310 - the address was made above
                return
        except urllib.error.HTTPError:
            return
        except OSError as error:
            if time.monotonic() > until:
                raise CommandError(f"The local master does not answer at {url}: {error}", "Its log says why.") from None
        time.sleep(0.1)


COMMAND: Final = Entry(
    "Configure a slapos node with default configuration with slapproxy",
    _arguments,
    _run,
    "examples:\n  slapos configure local\n"
    "  slapos configure local --slapos-configuration-directory ~/node/etc --slapos-instance-root ~/node/srv \\\n"
    "    --slapos-software-root ~/node/software --slapos-buildout-directory ~/node/own",
)
