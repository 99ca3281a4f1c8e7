"""``interact/interact``: ask the operator, and hand the answer back (spec section 4.12)."""

from pilothouse.errors import UsageError
from pilothouse.tools import program
from pilothouse.tools.asking.dialogue import DAY, ask
from pilothouse.tools.asking.question import FORMS, Question, read_options


def main() -> int:
    """Run the tool; without an answer it ends with 1."""
    add = program.parser("Ask the operator.")
    add.add_argument("--title", default="")
    add.add_argument("--opType", choices=FORMS, default="button", dest="form")
    add.add_argument("--message", required=True)
    add.add_argument("--options", default="")
    add.add_argument("--role", default="")
    add.add_argument("--timeout", type=float, default=DAY)
    chosen = add.parse_args()
    question = Question(
        title=chosen.title,
        form=chosen.form,
        message=chosen.message.replace("\\n", "\n"),
        options=read_options(chosen.options),
        role=chosen.role,
    )
    if chosen.form != "input" and not question.options:
        raise UsageError(f"--options: there is nothing to choose from; a question of the kind {chosen.form} needs it")
    answer = ask(question, seconds=chosen.timeout)
    if answer is None:
        raise program.ToolError("there is no answer")
    program.say("FINE", f"{answer.user or 'somebody'} answered {answer.value}")
    program.save({"interactOut": answer.value})
    return 0
