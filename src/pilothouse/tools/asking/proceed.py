"""``interact/continue``: ask whether to go on; No ends the operation with 1 (spec section 4.12, D48)."""

from pilothouse.tools import program
from pilothouse.tools.asking.dialogue import DAY, ask
from pilothouse.tools.asking.question import Question


def main() -> int:
    """Run the tool."""
    add = program.parser("Ask the operator whether to go on.")
    add.add_argument("--title", default="")
    add.add_argument("--message", default="Continue?")
    add.add_argument("--role", default="")
    add.add_argument("--timeout", type=float, default=DAY)
    chosen = add.parse_args()
    message = chosen.message.replace("\\n", "\n")
    answer = ask(
        Question(title=chosen.title, message=message, options=("Yes", "No"), role=chosen.role), seconds=chosen.timeout
    )
    if answer is None:
        raise program.ToolError("there is no answer")
    program.save({"interactOut": answer.value})
    if answer.value == "No":
        raise program.ToolError(f"{answer.user or 'the operator'} decided not to go on")
    program.say("FINE", f"{answer.user or 'the operator'} decided to go on")
    return 0
