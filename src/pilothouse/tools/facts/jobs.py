"""``basic/createjob`` and ``basic/waitjob``: they speak with a control server, which this release cannot yet."""

from pilothouse.errors import RefusedError
from pilothouse.tools import program


class NoServerError(RefusedError):
    """The tool needs a control server."""


def create() -> int:
    """Refuse to create a job."""
    add = program.parser("Create a job on the control server.")
    add.add_argument("pairs", nargs="*")
    add.parse_known_args()
    raise NoServerError("basic/createjob needs a control server; this release runs jobs without one (--devmode)")


def wait() -> int:
    """Refuse to wait for jobs."""
    add = program.parser("Wait for jobs of the control server.")
    program.switch(add, "--ignorefailed", "succeed though a job failed")
    add.add_argument("jobs", nargs="*")
    add.parse_args()
    raise NoServerError("basic/waitjob needs a control server; this release runs jobs without one (--devmode)")
