"""Variables: ``setenv``, ``extractprestepstatus``, ``export`` and ``updategparam`` (spec section 6.7)."""

import re
from collections import ChainMap
from typing import Final

from pilothouse.engine.environment import is_protected
from pilothouse.engine.native.contract import Call, NativeError
from pilothouse.engine.native.shell import substituted
from pilothouse.errors import PilothouseError, RefusedError
from pilothouse.jobs.references import as_text
from pilothouse.jobs.states import legacy_word

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RAW: Final = "rawtext"


async def set_environment(call: Call) -> None:
    """Set a variable of the node or, with ``scope`` global, of the job.

    ``$(command)`` in the value is run only when the option's type is ``rawtext``.
    """
    raw = next((option for option in call.step.operation.options if option.name == "value"), None)
    value = await substituted(call, as_text(raw.value)) if raw and raw.type == _RAW else call.option("value")
    await _set(call, call.needed("name"), value)


async def extract_previous_status(call: Call) -> None:
    """Put the end state of the operation before this one (succeed, failed, ignored) into a variable."""
    if call.previous is None:
        call.log.write("WARN: no operation has ended before this one; the variable is empty")
    await _set(call, call.needed("envname"), legacy_word(call.previous) if call.previous else "")


async def export(call: Call) -> None:
    """Report variables that the job has to the control server, by name."""
    known = ChainMap(
        await call.context.variables.everywhere(), call.context.facts.environment, call.context.facts.options
    )
    hidden = call.flag("hidden")
    for name in call.arguments:
        if name not in known:
            call.log.write(f"WARN: the job has no variable {name}; it is not exported")
            continue
        value = as_text(known[name])
        if hidden:
            call.context.secrets.append(value)
            call.log.hide(value)
        try:
            await call.context.link.set_variable(call.context.job.id, name, value, hidden=hidden)
        except RefusedError as error:
            call.log.write(f"WARN: {error}")


async def update_global_parameter(call: Call) -> None:
    """Change a global parameter on the control server."""
    name = call.needed("name")
    try:
        await call.context.link.set_global_parameter(call.context.job.id, name, call.option("value"))
    except RefusedError as error:
        call.log.write(f"WARN: {error}")


async def _set(call: Call, name: str, value: str) -> None:
    if not _NAME.fullmatch(name):
        raise NativeError(f"{name!r} cannot name a variable; allowed: letters, digits and _, no digit first")
    if "\0" in value:
        raise NativeError(f"the value of {name} has a NUL character, which no variable can carry")
    hidden = call.flag("hidden")
    if hidden:
        call.log.hide(value)
    scope = call.option("scope") or "node"
    if scope == "node":
        await call.context.variables.set_on(call.place.node, name, value, hidden=hidden)
    elif scope == "global":
        await _set_everywhere(call, name, value, hidden=hidden)
    else:
        raise NativeError(f"scope {scope!r} is not known; allowed: node, global")
    call.log.write(f"INFO: {name} = {'******' if hidden else value} ({scope})")


async def _set_everywhere(call: Call, name: str, value: str, *, hidden: bool) -> None:
    if is_protected(name):
        raise NativeError(f"{name} is the runner's own; a job cannot set it for all its operations")
    if hidden:
        call.context.secrets.append(value)
    await call.context.variables.set_everywhere(name, value, hidden=hidden)
    try:
        await call.context.link.set_variable(call.context.job.id, name, value, hidden=hidden)
    except RefusedError:
        return  # without a control server the journal is all there is
    except PilothouseError as error:
        call.log.write(f"WARN: {name} is set here; the control server could not be told: {error}")
