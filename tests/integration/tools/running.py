"""Running the built-in tools the way the engine does, with the documented environment."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pilothouse.tools.catalog import Catalog, files_for_target

# dash and bash must be there; busybox is a further witness where it is installed.
SHELLS: tuple[tuple[str, ...], ...] = (
    ("dash",),
    ("bash", "--posix"),
    *((("busybox", "sh"),) if shutil.which("busybox") else ()),
)


class Ran(msgspec.Struct, frozen=True):
    """What a tool did."""

    code: int
    log: str
    outputs: dict[str, Any] | None


def run_on_runner(name: str, *words: str, folder: Path, environment: Mapping[str, str] | None = None) -> Ran:
    """Run a runner tool as the engine does: in the run folder, stdin open and never written."""
    tool = Catalog().find(name, "local")
    output = folder / "output-op" / "local-0-0" / "operation_1.json"
    return _run(
        (*tool.command, *words),
        folder,
        output,
        {
            "OUTPUT_DIR": str(output.parent),
            "OUTPUT_PATH": str(output),
            "OPERATION_ID": "operation_1",
            "NODE_OUTPUT_PATH": str(folder / "output" / "local-0-0.json"),
            "AUTOEXEC_PHASE_NAME": "prepare",
            "AUTOEXEC_JOBID": "1001",
            "AUTOEXEC_WORK_PATH": str(folder),
            "TERM": "dumb",
            "PYTHONPATH": os.pathsep.join((*map(str, tool.libraries), *sys.path)),
            **(environment or {}),
        },
    )


def run_on_target(name: str, *words: str, folder: Path, shell: tuple[str, ...] = (), output_path: bool = True) -> Ran:
    """Lay a target tool out as on a machine and run it there, in the group's folder."""
    tool = Catalog().find(name, "remote")
    for file in files_for_target(tool):
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    work = folder / tool.group
    output = work / "output.json"
    output.touch()
    program = (*shell, name.split("/")[1]) if shell else (str(work / name.split("/")[1]),)
    environment = {
        "HISTSIZE": "0",
        "NODE_HOST": "192.0.2.7",
        "NODE_PORT": "8080",
        "NODE_NAME": "tomcat1",
        "AUTOEXEC_JOBID": "1001",
        "AUTOEXEC_PHASE_NAME": "roll out",
        "OPERATION_ID": f"{name}_1",
    }
    if output_path:
        environment["OUTPUT_PATH"] = str(output)
    return _run((*program, *words), work, output, environment)


def _run(argv: tuple[str, ...], folder: Path, output: Path, environment: Mapping[str, str]) -> Ran:
    waiting, never_written = os.pipe()
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
            stdin=waiting,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=30,
            check=False,
        )
    finally:
        os.close(waiting)
        os.close(never_written)
    written = output.read_text("utf-8") if output.exists() else ""
    left = [path.name for path in folder.rglob("*") if ".work-" in path.name or path.name.startswith("output.json.")]
    assert left == []
    return Ran(
        done.returncode, done.stdout.decode("utf-8", "surrogateescape"), json.loads(written) if written else None
    )
