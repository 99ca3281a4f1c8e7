"""``fileops/template``: a file made of a template and values, laid on a node when it differs."""

import asyncio
import importlib
import os
import tempfile
from pathlib import Path
from typing import Any

from pilothouse.errors import UsageError
from pilothouse.jobs.nodes import Node
from pilothouse.tools import program
from pilothouse.tools.copying import here
from pilothouse.tools.copying.copies import Manner, carry
from pilothouse.tools.copying.entries import Entry, Item, checked
from pilothouse.tools.copying.machine import Machine, reach
from pilothouse.tools.facts.setfacts import read_object

_MODE = "0644"


def main() -> int:
    """Run the tool."""
    add = program.parser("Make a file of a template and lay it on a node.")
    add.add_argument("--src", default="")
    add.add_argument("--template", default="")
    add.add_argument("--dest", required=True)
    add.add_argument("--vars", default="{}")
    add.add_argument("--mode", type=lambda text: int(text, 8), default=_MODE)
    chosen = add.parse_args()
    if bool(chosen.src) == bool(chosen.template):
        raise UsageError("give the template either as a file (--src) or as a text (--template)")
    node = program.login_node()
    values = {**read_object("--vars", chosen.vars), "node": facts(node), "job": {"id": os.environ["AUTOEXEC_JOBID"]}}
    text = rendered(_text(chosen.src, chosen.template), values, chosen.src or "--template")
    changed = asyncio.run(_lay(node, text.encode("utf-8", "surrogateescape"), checked(chosen.dest), chosen.mode))
    program.say("FINE", f"{chosen.dest} {'was written' if changed else 'is as wanted already'}")
    program.save({"changed": changed})
    return 0


def rendered(text: str, values: dict[str, Any], name: str) -> str:
    """Return the template filled in; it may compute, but reach nothing outside its values.

    Raises ToolError for a value that is not there, a template that is none, and a library that is missing.
    """
    try:
        # an extra of the package: by its name, and only when used
        jinja2: Any = importlib.import_module("jinja2")
        sandbox: Any = importlib.import_module("jinja2.sandbox")
    except ImportError as error:
        raise program.ToolError(
            f"the library for templates is not installed on the runner ({error}); "
            "install it with: pip install 'pilothouse[templates]'"
        ) from None
    # what is made are texts of every kind, not pages; nothing is to be escaped
    environment = sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    try:
        return str(environment.from_string(text).render(values))
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
        line = getattr(error, "lineno", None)
        raise program.ToolError(f"{name}{f', line {line}' if line else ''}: {error}") from None


def facts(node: Node) -> dict[str, Any]:
    """Return what templates see of a node as ``node``; never its password."""
    return {
        **node.attributes,
        "name": node.name,
        "host": node.host,
        "port": node.port,
        "type": node.type,
        "resourceId": node.resource_id,
        "username": node.username,
    }


def _text(source: str, given: str) -> str:
    if source:
        return (program.work_path() / checked(source)).read_text("utf-8")
    return given if "\n" in given else given.replace("\\n", "\n")


async def _lay(node: Node, content: bytes, destination: str, mode: int) -> bool:
    with tempfile.NamedTemporaryFile(dir=program.work_path(), prefix=".template-") as file:
        file.write(content)
        file.flush()
        digest = await asyncio.to_thread(here.digest, file.name)
        async with reach(node) as machine:
            place, kind = await machine.resolve(destination)
            if kind == "d":
                raise UsageError(f"--dest: {place} is a folder; allowed: the path of a file")
            if kind == "f" and await _alike(machine, place, digest, mode):
                return False
            item = Item(Entry("", "file", mode, digest), file.name, place)
            await carry(machine, (item,), Manner())
            return True


async def _alike(machine: Machine, place: str, digest: str, mode: int) -> bool:
    found = await machine.sources((str(Path(place)),), follow=True, missing_ok=True)
    entries = [entry for source in found for entry in source.entries]
    return len(entries) == 1 and (entries[0].digest, entries[0].mode) == (digest, mode)
