"""What the documents say is there: commands, links, settings, tools, examples."""

import argparse
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.cli import (
    audit,
    autoexec,
    headless,
    job,
    job_parsers,
    main,
    node,
    service,
    session,
    sshcmd,
    tagent,
    up,
    usage,
    user,
)
from pilothouse.cli.slapos import commands as slapos_commands
from pilothouse.cli.slapos import options as slapos_options
from pilothouse.headless.client import command_line
from pilothouse.headless.client.settings import ClientSettings
from pilothouse.jobs import decoding, nodes
from pilothouse.settings import Settings, load
from pilothouse.tools.catalog import Catalog

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.md")])
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/params.json"))
SHELL = {"sh", "shell", "console"}
UNSHOWN = {"help"}  # commands of slapos that no page calls in a block
ENDS = re.compile(r"[|;&<>]+|\d?>&?\d?")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fences(page: Path) -> Iterator[tuple[str, str]]:
    yield from re.findall(r"^```(\w*)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def fenced(*languages: str) -> list[tuple[str, str]]:
    return [(name_of(page), text) for page in PAGES for language, text in fences(page) if language in languages]


def calls(text: str, programs: tuple[str, ...]) -> Iterator[list[str]]:
    """Yield each call of the programs in shell text, up to the next pipe, redirection or command."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
        for start, word in enumerate(words):
            if word in programs:
                rest = words[start + 1 :]
                end = next((i for i, item in enumerate(rest) if ENDS.fullmatch(item)), len(rest))
                yield [word, *rest[:end]]


COMMANDS = [
    (page, call)
    for page, text in fenced(*SHELL)
    for call in calls(
        re.sub(r"(?m)^\$ ", "", text), ("pilothouse", "autoexec", "sshcmd", "slapos", "planta_headless.py")
    )
]
INLINE = [
    (name_of(page), text)
    for page in PAGES
    for text in re.findall(
        r"`((?:pilothouse|autoexec|slapos) [^`]*)`", re.sub(r"(?ms)^```.*?^```", "", page.read_text("utf-8"))
    )
]


OTHERS = {
    "audit": audit,
    "headless": headless,
    "node": node,
    "service": service,
    "session": session,
    "tagent": tagent,
    "up": up,
    "usage": usage,
    "user": user,
}


def parse(call: list[str]) -> None:
    """Parse a call as the program would; raises SystemExit for what it does not know."""
    program, *words = call
    if program == "autoexec":
        autoexec._parser().parse_args(words)
    elif program == "slapos":
        slapos_help(words, parse=True)
    elif program == "planta_headless.py":
        command_line.read_call(command_line.make_parser(), words)
    elif program == "sshcmd":
        assert sshcmd.make_parser().parse_args(words).words, "the command is missing"
    elif words[0] == "job":
        job_parsers.make_parser().parse_args(words[1:])
    elif words[0] in OTHERS:
        OTHERS[words[0]].make_parser().parse_args(words[1:])
    else:
        assert words == ["demo"], "only job, demo and those of OTHERS are known here"
        assert words[0] in main._COMMANDS


@pytest.mark.parametrize(
    ("page", "call"), COMMANDS, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_every_command_in_a_block_parses(page: str, call: list[str]) -> None:
    try:
        parse(call)
    except SystemExit as error:
        pytest.fail(f"{page}: {shlex.join(call)}: exit {error.code}")


def help_of(program: str, command: str | None) -> str:
    if program == "autoexec":
        return autoexec._parser().format_help()
    if command is None:
        return job_parsers.make_parser().format_help()
    assert command in job_commands(), f"there is no command job {command}"
    return job_commands()[command].format_help()


def slapos_help(words: list[str], *, parse: bool = False) -> str:
    """Return the help of the command that is called; with ``parse`` take its arguments as the program would."""
    name = slapos_commands.find(words)
    assert name, f"there is no command slapos {' '.join(words)}"
    parser = slapos_options.make_parser(name, slapos_commands.COMMANDS[name].load())
    if parse:
        parser.parse_args(words[len(name.split()) :])
    return parser.format_help()


def job_commands() -> dict[str, argparse.ArgumentParser]:
    action = next(action for action in job_parsers.make_parser()._actions if action.choices)
    assert isinstance(action.choices, dict)
    return action.choices


@pytest.mark.parametrize(("page", "text"), INLINE)
def test_every_command_in_a_sentence_exists(page: str, text: str) -> None:
    program, *words = shlex.split(text)
    command = None
    if program == "pilothouse":
        assert words[0] in main._COMMANDS, page
        if words[0] != "job":
            return
        command = words[1] if len(words) > 1 else None
    if text == "slapos proxy":
        return  # the original's server is named, not called
    known = slapos_help(words) if program == "slapos" else help_of(program, command)
    for flag in (word for word in words if word.startswith("-")):
        assert re.search(rf"(?<![\w-]){flag}(?![\w-])", known), f"{page}: {text}: no option {flag}"


def test_there_are_commands_to_check() -> None:
    assert {call[0] for _, call in COMMANDS} == {"pilothouse", "autoexec", "sshcmd", "slapos", "planta_headless.py"}
    assert slapos_commands.COMMANDS.keys() - {slapos_commands.find(call[1:]) for _, call in COMMANDS} == UNSHOWN
    assert {call[2] for _, call in COMMANDS if call[:2] == ["pilothouse", "job"]} >= {
        "check",
        "run",
        "list",
        "show",
        "logs",
        "abort",
        "pause",
    }


def anchor(heading: str) -> str:
    """Return the anchor that a heading gets when it is shown."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    without_blocks = re.sub(r"(?ms)^```.*?^```", "", page.read_text("utf-8"))
    return {anchor(heading) for heading in re.findall(r"(?m)^#+ (.+)$", without_blocks)}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, place = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{name_of(page)}: {target}"
        assert not place or place in anchors(file), f"{name_of(page)}: {target}"


@pytest.mark.parametrize(("page", "text"), fenced("json"))
def test_json_is_json_and_jobs_and_nodes_are_accepted(page: str, text: str) -> None:
    values = [value for _, value in nodes.objects(text)]
    assert values, page
    if "runFlow" in values[0]:
        decoding.decode(text, page)
    elif "resourceId" in values[0]:
        nodes.decode(text, page)


@pytest.mark.parametrize(("page", "text"), fenced("toml"))
def test_settings_files_are_accepted(page: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "pilothouse.toml"
    file.write_text(text, "utf-8")
    load(file, {})


def test_every_setting_is_explained_and_every_name_is_a_setting() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    example = next(text for page, text in fenced("toml") if page == "docs/settings.md")
    for name in Settings.__struct_fields__:
        assert re.search(rf"(?m)^\| `{name}` \| `PILOTHOUSE_{name.upper()}` \|", text), name
        assert re.search(rf"(?m)^{name} = ", example), name
    allowed = {f"PILOTHOUSE_{name.upper()}" for name in (*Settings.__struct_fields__, "config")}
    for page in PAGES:
        assert set(re.findall(r"PILOTHOUSE_[A-Z_]+", page.read_text("utf-8"))) <= allowed, page


def test_every_setting_of_the_headless_client_is_explained() -> None:
    text = (ROOT / "docs" / "headless-client.md").read_text("utf-8")
    section = text[text.index("## Settings") : text.index("## cron")]
    assert tuple(re.findall(r"(?m)^\| `(\w+)` \|", section)) == ClientSettings._fields


def test_every_built_in_tool_is_listed_and_every_listed_tool_exists() -> None:
    text = (ROOT / "docs" / "tools.md").read_text("utf-8")
    listed = dict(re.findall(r"(?m)^\| `(\w+/\w+)` \| `(\w+)` \|", text))
    there = {tool.name: tool.kind for side in ("local", "remote") for tool in Catalog().tools(side)}
    assert listed == there


def test_every_option_of_a_run_is_told() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    shown = "".join(parser.format_help() for parser in job_commands().values()) + help_of("autoexec", None)
    shown += sshcmd.make_parser().format_help()
    shown += "".join(slapos_help(name.split()) for name in slapos_commands.COMMANDS)
    options = set(re.findall(r"--[a-z][a-z0-9_-]+", shown)) - {"--help"}
    assert {flag for flag in options if not re.search(rf"{flag}(?![\w-])", text)} == set()


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_pass_the_check(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    folder = f"examples/{example}"
    words = ["check", f"{folder}/params.json", "--nodes", f"{folder}/nodes.json", "--data", str(tmp_path), "--json"]
    assert job.main(words) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["groups"]
    assert not any(tmp_path.iterdir()), "a check leaves nothing behind"


def test_the_sample_is_the_published_one() -> None:
    document = json.loads((ROOT / "examples" / "sample" / "params.json").read_text("utf-8"))
    shape = [
        (
            group["execStrategy"],
            [(phase.get("execRound"), phase["operations"][0]["opType"]) for phase in group["phases"]],
        )
        for group in document["runFlow"]
    ]
    assert document["jobId"] == 624490098515988
    assert shape == [
        ("oneShot", [(None, "runner"), (None, "target")]),
        ("grayScale", [("first", "runner"), (None, "target")]),
        ("oneShot", [(None, "runner")]),
    ]


def test_make_targets_in_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"(?m)^make (\w+)$", (ROOT / "README.md").read_text("utf-8")))
    assert named
    assert all(re.search(rf"(?m)^{name}:", makefile) for name in named)
