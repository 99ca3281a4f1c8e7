"""``pilothouse job``: which command does what; parsers and the commands' work are in modules of their own."""

import argparse
import importlib
import os
import shlex
from collections.abc import Sequence
from typing import Any

from pilothouse.cli.display.hints import Hints, program
from pilothouse.jobs.plan import Selection
from pilothouse.settings import Settings, load


def main(arguments: Sequence[str]) -> int:
    """Run ``pilothouse job ...``."""
    from pilothouse.cli.job_parsers import parse

    chosen = parse(arguments)
    chosen.again = f"{program()} {shlex.join(['job', *arguments])}"
    module = importlib.import_module(f"pilothouse.cli.{chosen.module}")
    return int(getattr(module, chosen.work)(chosen))


def settings_of(chosen: argparse.Namespace) -> Settings:
    """Return the settings in force for parsed arguments."""
    names = ("data", "host_keys", "known_hosts", "identities", "concurrency")
    found: dict[str, Any] = {name: getattr(chosen, name, None) for name in names}
    return load(chosen.config, os.environ, **{name: None if value == () else value for name, value in found.items()})


def hints_of(chosen: argparse.Namespace) -> Hints:
    """Return how further commands find the same job."""
    named = [("--data", chosen.data), ("--config", chosen.config)]
    options = shlex.join(word for flag, value in named if value for word in (flag, str(value)))
    return Hints(program=program(), options=options, again=chosen.again)


def selection_of(chosen: argparse.Namespace, settings: Settings) -> Selection:
    """Return what part of the job the arguments ask for."""
    return Selection(
        groups=tuple(chosen.group or ()),
        phases=tuple(chosen.phase or ()),
        nodes=tuple(chosen.node or ()),
        runner_id=settings.runner_id,
    )
