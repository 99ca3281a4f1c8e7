"""``basic/aggoutput``, ``concatoutput``, ``mergeoutput`` and ``convout2local``."""

from pilothouse.tools import program
from pilothouse.tools.gathering.nodes import outputs
from pilothouse.tools.gathering.outputs import Key, NodeOutput, aggregated, concatenated, merged, read_key

NO_NODE = 2


def aggregate() -> int:
    """Hand back the values of all nodes by ``host[:port]``."""
    _, found, _ = _gather("Put the outputs of all nodes into one object.")
    program.save({"aggData": aggregated(found)})
    return 0


def concatenate() -> int:
    """Hand back the texts of all nodes in one text, and the members of their lists in one list."""
    _, found, delimiter = _gather("Join the outputs of all nodes.")
    text, members = concatenated(found, delimiter.replace("\\n", "\n").replace("\\t", "\t"))
    program.save({"aggTxtData": text, "aggJsonData": members})
    return 0


def merge() -> int:
    """Hand back the union of the objects or lists of all nodes."""
    _, found, _ = _gather("Merge the outputs of all nodes.")
    program.save({"mergedData": merged(found)})
    return 0


def convert() -> int:
    """Hand back the first node's value as one of the runner's; ends with 2 when no node has it."""
    key, found, _ = _gather("Take over the output of the first node.")
    if not found:
        raise program.ToolError(f"no node has the output {key.operation}.{key.name}", NO_NODE)
    program.save({"dataConverted": {key.operation: {key.name: found[0].value}}})
    return 0


def _gather(text: str) -> tuple[Key, list[NodeOutput], str]:
    add = program.parser(text)
    add.add_argument("--outputkey", required=True)
    add.add_argument("--delimiter", default="\\n")
    chosen = add.parse_args()
    key = read_key(chosen.outputkey)
    found = outputs(key)
    program.say("FINE", f"{len(found)} nodes have the output {key.operation}.{key.name}")
    return key, found, chosen.delimiter
