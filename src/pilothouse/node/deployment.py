"""What is done with a partition: installed, started, stopped (node spec, section 12)."""

import logging
import os
import stat
from pathlib import Path

from pilothouse.files import write_atomic
from pilothouse.node import (
    buildout,
    certificates,
    child,
    disks,
    freespace,
    identity,
    lending,
    locks,
    profile,
    release,
    supervision,
    supervisord,
)
from pilothouse.node.errors import NodeError
from pilothouse.node.layout import SoftwarePlace
from pilothouse.node.partition import Partition

_log = logging.getLogger("slapos")
_MODE = 0o750


def install(partition: Partition) -> None:
    """Run the instance's buildout. Raises BuildoutError, NodeError, OSError."""
    config, place = partition.config, partition.place
    _log.info("Installing Computer Partition %s...", place.name)
    freespace.require(place.folder, config.instance_min_free_space, "instance_min_free_space")
    if not place.folder.is_dir():
        raise NodeError(f"Please create partition directory {place.folder}")
    owner = identity.owner_of(place.folder)
    software = _software(partition)
    _link(place.folder / "software_release", software.folder, owner)
    _check_mode(place.folder)
    with locks.shared(partition.node.run, f"software-{software.md5}") as idle:
        if not idle or not release.usable(software):
            raise NodeError(
                f"Software Release {software.url} is not present on system.\nCannot deploy instance. "
                + ("It is built by: slapos node software" if idle else "It is being built now.")
            )
        disks.link(config.instance_storage_home, place.folder, owner)
        _write_profile(partition, software, owner)
        _run_buildout(partition, software, owner)
    _note_retention(partition)


def _software(partition: Partition) -> SoftwarePlace:
    if partition.software is None:
        raise NodeError(f"Computer Partition {partition.place.name!r} has no software release; nothing can be deployed")
    return partition.software


def _link(path: Path, target: Path, owner: identity.Identity) -> None:
    if path.is_symlink():
        if path.readlink() == target:
            return
        path.unlink()
    elif path.exists():
        return
    path.symlink_to(target)
    identity.give(path, owner)


def _check_mode(folder: Path) -> None:
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode != _MODE:
        raise NodeError(f"Wrong permissions in {folder}: actual permissions are: 0{mode:o}, wanted are 0{_MODE:o}")


def _write_profile(partition: Partition, software: SoftwarePlace, owner: identity.Identity) -> None:
    named = [software.folder / name for name in ("instance.cfg", "template.cfg")]
    source = next((path for path in named if path.exists()), None)
    if source is None:
        raise NodeError(f"Software Release {software.url} is not correctly installed.\nMissing file: {named[-1]}")
    config, wanted = partition.config, partition.wanted
    key, certificate = certificates.paths(config, wanted.name) or ("", "")
    tail = profile.instance_tail(
        profile.Setting(
            computer_id=config.computer_id,
            partition_id=wanted.name,
            server_url=config.master_url,
            release_url=software.url,
            key_file=str(key),
            cert_file=str(certificate),
            shared_part_list=config.shared_part_list,
            build_time_part_list=config.build_time_part_list,
            state=wanted.state,
            storage_home=str(config.instance_storage_home or ""),
            global_network=config.ipv4_global_network,
        )
    )
    path = partition.place.folder / "buildout.cfg"
    write_atomic(path, lending.content(source, software.folder.stat()) + tail.encode(), mode=0o640)
    if owner.drops:
        os.chown(path, 0, owner.gid)


def _run_buildout(partition: Partition, software: SoftwarePlace, owner: identity.Identity) -> None:
    config, folder = partition.config, partition.place.folder
    build = buildout.Build(
        folder=folder,
        who=owner,
        note=partition.node.run / f"{partition.place.name}.child",
        home=str(folder),
        debug=partition.debug,
        seconds=config.partition_timeout,
        more={"SLAPGRID_INSTANCE_ROOT": str(config.instance_root)},
    )
    program = _program(build, software)
    if not program.exists():
        directory = f"buildout:bin-directory={folder}/sbin"
        buildout.run(build, buildout.bootstrap_words(config.buildout, (directory,)))
        program = folder / "sbin" / "buildout"
    buildout.run(build, (*child.words_of(program), *(("-D",) if build.debug else ()), "-U"))


def _program(build: buildout.Build, software: SoftwarePlace) -> Path:
    """Return the buildout that a release wants for its instances (section 12.6)."""
    found = sorted((software.folder / "bin").glob("bootstrap*"))
    if len(found) > 1:
        raise NodeError(f"More than one bootstrap candidate found. Keep one of: {', '.join(map(str, found))}")
    if found:
        buildout.run(build, child.words_of(found[0]))
        return build.folder / "sbin" / "buildout"
    _log.info("Falling back to default buildout %r", str(software.folder / "bin" / "buildout"))
    return software.folder / "bin" / "buildout"


def _note_retention(partition: Partition) -> None:
    path = partition.place.folder / ".slapos-retention-lock-delay"
    if path.exists():
        return
    try:
        days = float(partition.wanted.retention_delay)
    except ValueError:
        _log.warning("retention_delay %r is no number of days; none is kept", partition.wanted.retention_delay)
        days = 0.0
    write_atomic(path, str(days).encode())


def start(partition: Partition) -> None:
    """Declare the programs of a partition and start those that do not run."""
    name, folder = partition.place.name, partition.place.folder
    status = folder.stat()
    account = identity.account_of(status.st_uid)
    runners, watched = _entries(folder / "etc" / "run"), _entries(folder / "etc" / "service")
    if bad := supervision.refused([*runners, *watched]):
        names = ", ".join(map(repr, bad))
        raise NodeError(f"{name}: {names} cannot be the name of a program; use letters, digits and . + @ = ~ ^ _ -")
    programs = supervision.services(runners, watched, status.st_uid, status.st_gid)
    path = partition.node.group_file(name)
    if not programs:
        _log.warning("No runners nor services found for partition %r", name)
        changed = path.exists()
        path.unlink(missing_ok=True)
    else:
        text = supervision.group_text(name, folder, programs, supervision.Account(account.name, account.home))
        changed = supervisord.written(path, text)
    supervisord.start_group(partition.node, partition.supervisor, name, changed=changed)


def stop(partition: Partition) -> None:
    """Stop the programs of a partition and forget them."""
    supervisord.stop_group(partition.node, partition.supervisor, partition.place.name)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []
