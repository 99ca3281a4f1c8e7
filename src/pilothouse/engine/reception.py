"""The job's socket and those who answer at it, for as long as a run lasts."""

import contextlib
from collections.abc import AsyncIterator

from pilothouse.engine.actions import Desk
from pilothouse.engine.context import Context
from pilothouse.engine.events import Notice
from pilothouse.engine.jobsocket import listening
from pilothouse.engine.locks import GlobalLocks
from pilothouse.engine.stacks import task_stacks


@contextlib.asynccontextmanager
async def reception(context: Context) -> AsyncIterator[None]:
    """Open the job's socket and name it to operations (AUTOEXEC_JOB_SOCK); at the end close it and free all locks."""

    def notice(level: str, text: str) -> None:
        context.stream.publish(Notice(at=context.clock.time(), level=level, text=text))

    context.journal.unask_all()
    locks = GlobalLocks(context.job.id, context.link.global_lock, context.journal)
    await locks.release_stale()
    desk = Desk(
        control=context.control,
        questions=context.questions,
        barrier=context.barrier,
        variables=context.variables,
        locks=locks,
        password=lambda phase, number: _password(context, phase, number),
    )
    context.control.dump = lambda: notice("INFO", task_stacks())
    try:
        async with listening(context.space, desk, lambda text: notice("WARN", text)) as path:
            if path:
                context.environment["AUTOEXEC_JOB_SOCK"] = path
            yield
    finally:
        context.control.dump = None
        await locks.release_all()


def _password(context: Context, phase: str, number: int) -> str | None:
    node = context.nodes.get(phase, {}).get(number)
    return None if node is None else node.password.reveal()
