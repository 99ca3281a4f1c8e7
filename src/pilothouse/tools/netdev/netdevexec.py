"""``netdev/netdevexec``: a batch of commands on a network device (spec section 8.6, 24)."""

import argparse
import asyncio
import codecs
import re
from collections.abc import Sequence

import msgspec

from pilothouse.errors import RefusedError, UsageError
from pilothouse.jobs.nodes import Node
from pilothouse.jobs.secret import Secret
from pilothouse.settings import load
from pilothouse.tools import program
from pilothouse.tools.netdev import screen
from pilothouse.tools.netdev.dialogue import Dialogue, Manner
from pilothouse.tools.passwords import add_password, password
from pilothouse.tools.program import ToolError
from pilothouse.transports.ssh import SshTransport

_SECONDS = 30.0
_ENABLE = "enable"


def main() -> int:
    """Run the commands in order; the first one that fails is the last, and the tool ends with 1 then."""
    add = program.parser("Run commands on a network device.")
    add.add_argument("--protocol", choices=("ssh", "telnet"), default="ssh")
    add.add_argument("--prompt", default="")
    add.add_argument("--more", default=screen.MORE)
    add.add_argument("--failpattern", default="")
    add.add_argument("--enable", default="")
    add_password(add, plain=False, prefix="enable-")
    add.add_argument("--timeout", type=float, default=_SECONDS)
    add.add_argument("--encoding", default="utf-8")
    add.add_argument("commands", nargs="*")
    options = add.parse_args()
    if options.protocol == "telnet":
        raise RefusedError("telnet carries passwords and commands in the clear and is not supported; use ssh")
    commands = [line.strip() for text in options.commands for line in text.splitlines() if line.strip()]
    if not commands:
        raise UsageError("there is no command to run")
    fails = _pattern("--failpattern", options.failpattern) if options.failpattern else None
    answers: list[str] = []
    # the word may be a switch's, as documents write them
    word = _ENABLE if options.enable.lower() in {"1", "true", "yes"} else options.enable
    batch = _Batch(commands, "" if word in {"0", "false", "no"} else word, password(options, prefix="enable-"), fails)
    try:
        asyncio.run(_run(program.login_node(), _manner(options), batch, answers))
    finally:
        program.save({"commandOutputTxt": "\n".join(answers), "commandOutputJson": answers})
    return 0


class _Batch(msgspec.Struct, frozen=True):
    """What is to be typed, and which answers are failures; ``enable`` is the command for the privileged mode."""

    commands: Sequence[str]
    enable: str
    secret: Secret
    fails: re.Pattern[str] | None


async def _run(node: Node, manner: Manner, batch: _Batch, answers: list[str]) -> None:
    """Run commands, adding what each shows to ``answers``. Raises TransportError, ToolError."""
    transport = SshTransport(load())
    connection = await transport.general_link(msgspec.structs.replace(node, protocol="ssh"))
    try:
        terminal = await connection.shell()
        async with Dialogue(terminal, manner, node.key) as dialogue:
            if batch.enable:
                program.say("INFO", f"> {batch.enable}")
                await dialogue.enable(batch.enable, batch.secret)
            for command in batch.commands:
                program.say("INFO", f"> {command}")
                answer = await dialogue.run(command)
                answers.append(answer)
                _show(answer)
                if batch.fails and (found := batch.fails.search(answer)):
                    raise ToolError(f"{node.key}: {command!r} failed: {found[0]!r} matches --failpattern")
        terminal.close()
    finally:
        await connection.close()
        await transport.close()


def _show(answer: str) -> None:
    if answer:
        print(answer, flush=True)  # noqa: T201 - a tool's output is its log


def _manner(options: argparse.Namespace) -> Manner:
    if not options.timeout > 0:
        raise UsageError(f"--timeout: {options.timeout:g}; allowed: a number of seconds above 0")
    try:
        codecs.getincrementaldecoder(options.encoding)
    except LookupError:
        raise UsageError(f"--encoding: unknown character set {options.encoding!r}") from None
    return Manner(
        prompt=_pattern("--prompt", options.prompt or screen.PROMPT),
        more=_pattern("--more", options.more or screen.MORE),
        learns=not options.prompt,
        encoding=options.encoding,
        seconds=options.timeout,
    )


def _pattern(option: str, text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise UsageError(f"{option}: {text!r} is no regular expression: {error}") from None
