"""Job documents: every field, every fault by its place, never another error (spec section 2)."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.examples import examples
from tests.unit.jobs.documents import ANYTHING, MISSING, PUBLISHED, WHOLE, changed, places, whole

from pilothouse.errors import DocumentError, Problem
from pilothouse.jobs.decoding import decode
from pilothouse.jobs.document import Argument, ExecRound, Kind, Option, Output, Script, Strategy


def faults(text: str) -> tuple[Problem, ...] | None:
    """Return why the text is refused, or None when it is a job; any other error is the test's failure."""
    try:
        decode(text, "params.json")
    except DocumentError as error:
        return error.problems
    return None


GROUP = "runFlow/0"
PHASE = "runFlow/0/phases/0"
OPERATION = "runFlow/0/phases/0/operations/0"


def refused(text: str) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        decode(text, "params.json")
    return caught.value


def test_the_published_sample_is_read() -> None:
    job = decode(PUBLISHED, "params.json")
    assert (job.id, job.user, job.tenant, job.round_count) == ("624490098515988", "system", "develop", 64)
    assert [group.number for group in job.groups] == [0, 1, 2]
    assert [group.strategy for group in job.groups] == [Strategy.ONE_SHOT, Strategy.GRAY_SCALE, Strategy.ONE_SHOT]
    phases = [phase for group in job.groups for phase in group.phases]
    assert [(phase.name, phase.on_runner) for phase in phases] == [
        ("oneshot_local", True),
        ("oneshot_target", False),
        ("grayscale_local", True),
        ("grayscale_target", False),
        ("oneshot_local2", True),
    ]
    assert all(phase.operations[0].fail_ignore for phase in phases)
    assert all(phase.operations[0].outputs == () for phase in phases)
    assert job.nodes is None
    assert job.needs_nodes


def test_the_published_sample_as_printed_is_refused_with_its_line() -> None:
    broken = PUBLISHED.replace('"isScript": 1', '"is\n\nScript\n": 1', 1)
    problem = refused(broken).problems[0]
    assert problem.path.startswith("line 4, column ")
    assert "no JSON here" in problem.found
    assert problem.allowed == "a job object"


def test_every_field_arrives() -> None:
    job = decode(json.dumps(WHOLE), "params.json")
    assert job.options == {"who": "world", "many": {"a": [1, 2]}}
    assert job.global_options == {"region": "east"}
    assert job.environment == {"COLOUR": "blue"}
    assert job.pass_through == {"runnerId": 1}
    assert job.nodes is not None
    assert job.nodes[0].resource_id == 5000
    group = job.groups[0]
    assert group.round_count == 3
    prepare, install = group.phases
    assert (prepare.on_runner, prepare.exec_round, prepare.round_count) == (True, ExecRound.LAST, 1)
    make = prepare.operations[0]
    assert make.script == Script(interpreter="bash", content="echo hello", id="17")
    assert make.options == (Option("name", "${who}", "text"), Option("secret", "s", "password"))
    assert make.arguments == (Argument("one", "text"), Argument(2, "text"))
    assert make.outputs == (Output("path", "filepath", "x"),)
    assert (make.fail_ignore, make.help) == (True, "makes it")
    assert not install.on_runner
    assert install.operations[0].script is None
    assert install.operations[0].outputs is None
    assert [operation.kind for operation in install.operations] == [Kind.TARGET, Kind.NATIVE]


def test_an_empty_document_is_a_job_without_groups() -> None:
    job = decode("{}", "params.json")
    assert (job.id, job.tenant, job.groups, job.needs_nodes) == ("0", "none", (), False)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("runner", Kind.RUNNER),
        ("local", Kind.RUNNER),
        ("sqlfile", Kind.SQLFILE),
        ("native", Kind.NATIVE),
    ],
)
def test_the_words_of_operations_on_the_runner(word: str, kind: Kind) -> None:
    assert decode(changed(f"{OPERATION}/opType", word), "p").groups[0].phases[0].operations[0].kind is kind


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("target", Kind.TARGET),
        ("remote", Kind.TARGET),
        ("runner_target", Kind.RUNNER_TARGET),
        ("localremote", Kind.RUNNER_TARGET),
    ],
)
def test_the_words_of_operations_per_node(word: str, kind: Kind) -> None:
    text = changed("runFlow/0/phases/1/operations/0/opType", word)
    assert decode(text, "p").groups[0].phases[1].operations[0].kind is kind


@pytest.mark.parametrize("word", [0, "0", False, "false", "", None])
def test_switches_that_are_off(word: Any) -> None:
    assert decode(changed(f"{OPERATION}/failIgnore", word), "p").groups[0].phases[0].operations[0].fail_ignore is False


@pytest.mark.parametrize("word", [1, "1", True, "true"])
def test_switches_that_are_on(word: Any) -> None:
    assert decode(changed(f"{OPERATION}/failIgnore", word), "p").groups[0].phases[0].operations[0].fail_ignore is True


@pytest.mark.parametrize("word", ["oneShot", "somethingElse", "GRAYSCALE", "", None])
def test_any_other_strategy_is_one_shot(word: Any) -> None:
    assert decode(changed(f"{GROUP}/execStrategy", word), "p").groups[0].strategy is Strategy.ONE_SHOT


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (-3, -3), ("4", 4), (None, 0), ("", 0)])
def test_round_counts(count: Any, expected: int) -> None:
    assert decode(changed("roundCount", count), "p").round_count == expected


@pytest.mark.parametrize(("given_id", "expected"), [("a-b_1", "a-b_1"), (7, "7"), (None, "0"), (0, "0")])
def test_job_ids(given_id: Any, expected: str) -> None:
    assert decode(changed("jobId", given_id), "p").id == expected


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("", [], "$"),
        ("", 5, "$"),
        ("jobId", "a/b", "$.jobId"),
        ("jobId", "", "$.jobId"),
        ("jobId", -1, "$.jobId"),
        ("jobId", "x" * 129, "$.jobId"),
        ("jobId", True, "$.jobId"),
        ("jobId", {"a": 1}, "$.jobId"),
        ("tenant", 3, "$.tenant"),
        ("execUser", [], "$.execUser"),
        ("roundCount", "many", "$.roundCount"),
        ("roundCount", 1.5, "$.roundCount"),
        ("roundCount", "9" * 5000, "$.roundCount"),
        ("opt", [], "$.opt"),
        ("globalOpt", "x", "$.globalOpt"),
        ("environment", 1, "$.environment"),
        ("passThroughEnv", "{}", "$.passThroughEnv"),
        ("runNode", "host", "$.runNode"),
        ("runNode/0", "host", "$.runNode[0]"),
        ("runNode/0/resourceId", MISSING, "$.runNode[0].resourceId"),
        ("runFlow", "x", "$.runFlow"),
        ("runFlow/0", 1, "$.runFlow[0]"),
        (f"{GROUP}/groupNo", MISSING, "$.runFlow[0].groupNo"),
        (f"{GROUP}/groupNo", "first", "$.runFlow[0].groupNo"),
        (f"{GROUP}/execStrategy", 1, "$.runFlow[0].execStrategy"),
        (f"{GROUP}/roundCount", [], "$.runFlow[0].roundCount"),
        (f"{GROUP}/phases", MISSING, "$.runFlow[0].phases"),
        (f"{GROUP}/phases", None, "$.runFlow[0].phases"),
        (f"{GROUP}/phases/0", None, "$.runFlow[0].phases[0]"),
        (f"{PHASE}/phaseName", MISSING, "$.runFlow[0].phases[0].phaseName"),
        (f"{PHASE}/phaseName", "a/b", "$.runFlow[0].phases[0].phaseName"),
        (f"{PHASE}/phaseName", "..", "$.runFlow[0].phases[0].phaseName"),
        (f"{PHASE}/phaseName", "\u540d" * 100, "$.runFlow[0].phases[0].phaseName"),
        (f"{PHASE}/phaseType", "elsewhere", "$.runFlow[0].phases[0].phaseType"),
        (f"{PHASE}/execRound", "second", "$.runFlow[0].phases[0].execRound"),
        (f"{PHASE}/roundCount", {}, "$.runFlow[0].phases[0].roundCount"),
        (f"{PHASE}/operations", MISSING, "$.runFlow[0].phases[0].operations"),
        (f"{PHASE}/operations/0", 7, "$.runFlow[0].phases[0].operations[0]"),
        (f"{OPERATION}/opId", MISSING, "$.runFlow[0].phases[0].operations[0].opId"),
        (f"{OPERATION}/opId", "a/b/c", "$.runFlow[0].phases[0].operations[0].opId"),
        (f"{OPERATION}/opId", "../../etc", "$.runFlow[0].phases[0].operations[0].opId"),
        (f"{OPERATION}/opName", 1, "$.runFlow[0].phases[0].operations[0].opName"),
        (f"{OPERATION}/opType", MISSING, "$.runFlow[0].phases[0].operations[0].opType"),
        (f"{OPERATION}/opType", "walk", "$.runFlow[0].phases[0].operations[0].opType"),
        (f"{OPERATION}/isScript", "yes", "$.runFlow[0].phases[0].operations[0].isScript"),
        (f"{OPERATION}/scriptId", [], "$.runFlow[0].phases[0].operations[0].scriptId"),
        (f"{OPERATION}/scriptContent", 5, "$.runFlow[0].phases[0].operations[0].scriptContent"),
        (f"{OPERATION}/interpreter", "cobol", "$.runFlow[0].phases[0].operations[0].interpreter"),
        (f"{OPERATION}/interpreter", MISSING, "$.runFlow[0].phases[0].operations[0].interpreter"),
        (f"{OPERATION}/failIgnore", 2, "$.runFlow[0].phases[0].operations[0].failIgnore"),
        (f"{OPERATION}/help", 1, "$.runFlow[0].phases[0].operations[0].help"),
        (f"{OPERATION}/opt", "x", "$.runFlow[0].phases[0].operations[0].opt"),
        (f"{OPERATION}/desc", [1], "$.runFlow[0].phases[0].operations[0].desc"),
        (f"{OPERATION}/arg", "x", "$.runFlow[0].phases[0].operations[0].arg"),
        (f"{OPERATION}/arg/0", "x", "$.runFlow[0].phases[0].operations[0].arg[0]"),
        (f"{OPERATION}/arg/0/type", 1, "$.runFlow[0].phases[0].operations[0].arg[0].type"),
        (f"{OPERATION}/output", 1, "$.runFlow[0].phases[0].operations[0].output"),
        (f"{OPERATION}/output/path", "x", "$.runFlow[0].phases[0].operations[0].output.path"),
    ],
)
def test_a_fault_is_named_with_place_found_and_allowed(path: str, value: Any, place: str) -> None:
    text = json.dumps(value) if path == "" else changed(path, value)
    error = refused(text)
    problem = next(item for item in error.problems if item.path == place)
    assert problem.found
    assert problem.allowed
    assert f"params.json: {place}: {problem.found}; allowed: {problem.allowed}" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"jobId": ' + "9" * 5000 + "}",
        '{"opt": {"x": "\\ud800"}}',
        '{"opt": {"\\udfff": 1}}',
        '{"opt": {"x": ' + "[" * 150 + "]" * 150 + "}}",
    ],
)
def test_texts_that_no_journal_could_take_are_refused(text: str) -> None:
    error = refused(text)
    assert all(problem.found and problem.allowed for problem in error.problems)
    str(error).encode()


def test_several_faults_are_told_at_once() -> None:
    document = whole()
    document["tenant"] = 1
    document["runFlow"][0]["phases"][0]["operations"][0]["opType"] = "walk"
    document["runFlow"][0]["phases"][1]["phaseName"] = "a/b"
    assert {problem.path for problem in refused(json.dumps(document)).problems} >= {
        "$.tenant",
        "$.runFlow[0].phases[0].operations[0].opType",
        "$.runFlow[0].phases[1].phaseName",
    }


def test_a_group_number_stands_once() -> None:
    document = whole()
    document["runFlow"].append({"groupNo": 0, "phases": []})
    problem = refused(json.dumps(document)).problems[0]
    assert problem.path == "$.runFlow[1].groupNo"
    assert "as at $.runFlow[0].groupNo" in problem.found


def test_a_phase_name_stands_once_in_the_job() -> None:
    document = whole()
    document["runFlow"].append({"groupNo": 1, "phases": [document["runFlow"][0]["phases"][0]]})
    problem = refused(json.dumps(document)).problems[0]
    assert problem.path == "$.runFlow[1].phases[0].phaseName"
    assert "as at $.runFlow[0].phases[0].phaseName" in problem.found


def test_an_operation_id_stands_once_in_its_phase() -> None:
    problem = refused(changed("runFlow/0/phases/1/operations/1/opId", "put_2")).problems[0]
    assert problem.path == "$.runFlow[0].phases[1].operations[1].opId"
    assert "as at $.runFlow[0].phases[1].operations[0].opId" in problem.found


@pytest.mark.parametrize("phase_type", ["runner", "local", "sqlfile"])
def test_a_phase_on_the_runner_refuses_operations_of_targets(phase_type: str) -> None:
    document = whole()
    phase = document["runFlow"][0]["phases"][1]
    phase["phaseType"] = phase_type
    problem = refused(json.dumps(document)).problems[0]
    assert problem.path == "$.runFlow[0].phases[1].operations[0].opType"
    assert "runs on the runner" in problem.found


@pytest.mark.parametrize("phase_type", ["target", "remote", "runner_target", "localremote"])
def test_a_phase_on_targets_refuses_operations_of_the_runner(phase_type: str) -> None:
    problem = refused(changed(f"{PHASE}/phaseType", phase_type)).problems[0]
    assert problem.path == "$.runFlow[0].phases[0].operations[0].opType"
    assert "runs on target nodes" in problem.found


def test_a_phase_without_type_that_mixes_both_sides_is_refused() -> None:
    document = whole()
    phase = document["runFlow"][0]["phases"][0]
    del phase["phaseType"]
    phase["operations"].append({"opId": "x_9", "opName": "x", "opType": "target"})
    problem = refused(json.dumps(document)).problems[0]
    assert problem.path == "$.runFlow[0].phases[0].operations[1].opType"
    assert "a phase of their own" in problem.allowed


def test_a_phase_of_sql_files_runs_again_every_time() -> None:
    document = whole()
    document["runFlow"][0]["phases"][0]["phaseType"] = "sqlfile"
    document["runFlow"][0]["phases"][0]["operations"][0]["opType"] = "sqlfile"
    assert decode(json.dumps(document), "p").groups[0].phases[0].rerun


def test_a_password_of_a_node_is_in_no_error() -> None:
    document = whole()
    document["runNode"][0]["host"] = "a b"
    document["runNode"].append({**document["runNode"][0], "password": ["Pa55.word!"]})
    assert "Pa55" not in str(refused(json.dumps(document)))


@examples(250)
@given(path=st.sampled_from(sorted(places(WHOLE))), value=ANYTHING)
@example(path="jobId", value=10**200)
@example(path="runNode/0/protocol", value="tagent.\u00b2")
@example(path="runNode/0/resourceId", value=2**63)
def test_any_document_is_a_job_or_refused_with_places(path: str, value: Any) -> None:
    text = json.dumps(value) if path == "" else changed(path, value)
    found = faults(text)
    assert found is None or found
    assert all(problem.path.startswith("$") and problem.found and problem.allowed for problem in found or ())


@examples(100)
@given(st.text(max_size=40) | st.builds(lambda cut: PUBLISHED[:cut], st.integers(0, len(PUBLISHED))))
def test_any_text_is_a_job_or_refused(text: str) -> None:
    found = faults(text)
    assert found is None or found
