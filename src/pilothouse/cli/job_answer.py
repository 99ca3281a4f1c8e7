"""``pilothouse job answer``: see what operations ask, and answer."""

import argparse
import asyncio
import getpass
import grp
import os
import sys
import time

import msgspec

from pilothouse.cli.display.palette import clean, duration
from pilothouse.cli.job_standing import existing
from pilothouse.engine.answers import Question, checked, deliver, question_of
from pilothouse.engine.journal import Journal
from pilothouse.engine.workspace import Workspace, engine_pid
from pilothouse.errors import ExitCode, RefusedError, UsageError


def answer(chosen: argparse.Namespace) -> int:
    """Answer a question, or list the open ones when no value is given.

    Raises RefusedError when no engine works on the job or the question is for others, UsageError for a node that
    asks nothing and for a value that is no answer.
    """
    space = existing(chosen)
    questions = asyncio.run(_open(space)) if engine_pid(space) is not None else []
    if chosen.phase is not None:
        questions = [question for question in questions if question.phase == chosen.phase]
    if chosen.node is not None:
        questions = [question for question in questions if _named(question, chosen.node)]
    if chosen.value is None:
        return _list(chosen, questions)
    question = _one(chosen, space, questions)
    allow(question)
    deliver(space, question, checked(question, chosen.value), chosen.user or getpass.getuser())
    if chosen.json:
        print(msgspec.json.encode({"node": question.node, "phase": question.phase, "answered": True}).decode())
    else:
        print(f"answered {question.node} in phase {question.phase}")
    return ExitCode.SUCCESS


def _one(chosen: argparse.Namespace, space: Workspace, questions: list[Question]) -> Question:
    if len(questions) == 1:
        return questions[0]
    if engine_pid(space) is None:
        raise RefusedError(f"job {chosen.job} is not running; run it again, and it asks again")
    if not questions:
        raise UsageError(f"node {chosen.node} asks nothing now; see: pilothouse job answer {chosen.job}")
    places = ", ".join(f"{question.node} in {question.phase}" for question in questions)
    raise UsageError(f"{chosen.node} asks more than once: {places}; give the full node name or --phase")


def allow(question: Question) -> None:
    """See to a question's role: members of the group of that name may answer, and root. Raises RefusedError."""
    if not question.role or os.geteuid() == 0:
        return
    groups = {group.gr_name for group in grp.getgrall() if group.gr_gid in {os.getegid(), *os.getgroups()}}
    if question.role not in groups:
        raise RefusedError(
            f"only members of the role {question.role} may answer this; on this machine that is the group of that name,"
            f" and {getpass.getuser()} is not in it"
        )


def _named(question: Question, name: str) -> bool:
    return name in {question.node, str(question.resource_id), question.node.rsplit("-", 2)[0]}


def _list(chosen: argparse.Namespace, questions: list[Question]) -> int:
    if chosen.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(questions)) + b"\n")
    elif not questions:
        print(f"job {chosen.job} asks nothing now")
    for question in () if chosen.json else questions:
        age = duration(max(0.0, time.time() - question.asked))
        print(f"{question.node} in phase {question.phase}, waiting for {age}: {clean(question.wording)}")
        print(f"  {_allowed(question)}")
        print(f"  pilothouse job answer {chosen.job} {question.resource_id} VALUE")
    return ExitCode.SUCCESS


def _allowed(question: Question) -> str:
    options = ", ".join(map(clean, question.options))
    if question.kind == "mselect":
        return f"several of: {options} (separate them with commas)"
    return f"one of: {options}" if options else "any text"


async def _open(space: Workspace) -> list[Question]:
    journal = Journal(space.journal)
    await journal.open()
    try:
        return [question_of(row) for row in await journal.questions()]
    finally:
        await journal.close()
