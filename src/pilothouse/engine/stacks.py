"""What every task of the engine is doing right now, for a person who wonders (spec section 1.1, SIGQUIT)."""

import asyncio
import io


def task_stacks() -> str:
    """Return the stacks of all tasks of the running loop, one after another."""
    text = io.StringIO()
    tasks = sorted(asyncio.all_tasks(), key=lambda task: task.get_name())
    text.write(f"{len(tasks)} tasks\n")
    for task in tasks:
        task.print_stack(file=text)
    return text.getvalue().rstrip("\n")
