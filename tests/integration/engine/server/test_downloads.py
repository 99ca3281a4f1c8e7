"""What a run fetches before and while it runs."""

import json
from base64 import b64encode
from typing import Any

import pytest
from tests.archives import tar
from tests.console import Console, Reply, envelope, node_list
from tests.jobs import Document, document, group, local_nodes, operation, phase, ssh_keys, ssh_nodes
from tests.sshd import Sshd
from tests.underserver import ServerBench

from pilothouse.controlserver import calls
from pilothouse.errors import DocumentError, PilothouseError, UsageError
from pilothouse.jobs.plan import Selection
from pilothouse.jobs.states import State
from pilothouse.secrets.legacy import STOCK_PASSWORD_KEY, seal_for_config

PASSWORD = b"Pa$$w0rd-${JP}"


def plain(job_id: str, script: str = "true", kind: str = "target", **fields: Any) -> Document:
    return document(job_id, group(0, phase("roll", operation("do", script, kind, **fields))))


def stored(name: str, script: int, kind: str = "target", **fields: Any) -> Document:
    """Return an operation whose script lies on the server."""
    return {**operation(name, "", kind, **fields), "scriptContent": None, "scriptId": script}


async def test_check_22_params_are_fetched_and_kept(console: Console, served: ServerBench) -> None:
    served.give({**plain("4101"), "note": "中文"}, local_nodes(1))
    await served.run("4101")
    (asked,) = console.of(calls.PARAMS)
    assert asked.body == {"jobId": "4101", "lastModified": 0}
    kept = served.space("4101").params
    assert kept.read_text("utf-8") == json.dumps(console.params["4101"], ensure_ascii=False, indent=4)
    assert kept.stat().st_mode & 0o077 == 0
    await served.run("4101", first=False)
    assert len(console.of(calls.PARAMS)) == 1
    await served.run("4101")
    assert console.of(calls.PARAMS)[-1].body["lastModified"] == pytest.approx(kept.stat().st_mtime, abs=60)


async def test_the_tenant_of_the_document_is_named_from_then_on(console: Console, served: ServerBench) -> None:
    served.give({**plain("4102"), "tenant": "other"}, local_nodes(1))
    await served.run("4102")
    assert [request.headers["tenant"] for request in console.requests] == [
        "demo",
        *["other"] * (len(console.requests) - 1),
    ]


async def test_the_node_request_is_the_documented_one(console: Console, served: ServerBench) -> None:
    served.give(plain("4103"), local_nodes(1))
    await served.run("4103", pass_through={"runnerId": 1, "x": "y"})
    first, second = console.of(calls.NODES)
    common = {"jobId": "4103", "runnerId": "1", "passThroughEnv": '{"runnerId": 1, "x": "y"}', "lastModified": "0"}
    assert first.query == {**common, "phase": "", "nodeFrom": "job"}
    assert second.query == {**common, "phase": "roll", "nodeFrom": "phase"}


@pytest.mark.parametrize("unchanged", [204, 205, 304])
async def test_check_23_nodes_are_replaced_or_kept(console: Console, served: ServerBench, unchanged: int) -> None:
    served.give(plain("4104"), local_nodes(2))
    console.unchanged = unchanged
    await served.run("4104")
    kept = served.space("4104").nodes
    assert kept.read_text("utf-8") == console.nodes["job"]
    assert kept.stat().st_mode & 0o077 == 0
    console.nodes["job"] = unchanged
    result = await served.run("4104", force=True)
    assert float(console.of(calls.NODES)[-2].query["lastModified"]) == pytest.approx(kept.stat().st_mtime)
    assert result.tally.succeeded == 2


async def test_check_23_the_narrowest_node_file_wins(console: Console, served: ServerBench) -> None:
    doc = document(
        "4105",
        group(
            0,
            phase("own", operation("a", 'basename "$AUTOEXEC_NODES_PATH"', "runner_target")),
            phase("jobs", operation("b", 'basename "$AUTOEXEC_NODES_PATH"', "runner_target")),
        ),
        group(1, phase("grays", operation("c", "true")), execStrategy="grayScale"),
    )
    served.give(doc, local_nodes(3))
    lines = local_nodes(3)
    console.nodes["phase:own"] = node_list(lines[:1])
    console.nodes["group:1"] = node_list(lines[1:])
    await served.run("4105")
    ran: dict[str, list[str]] = {}
    for push in console.pushes():
        if push[0] == "node" and push[3] == "succeed":
            ran.setdefault(push[1], []).append(push[2])
    assert {name: sorted(ids) for name, ids in ran.items()} == {
        "own": ["5001"],
        "jobs": ["5001", "5002", "5003"],
        "grays": ["5002", "5003"],
    }
    told = {name: served.log("4105", name, "127.0.0.1-7001-5001") for name in ("own", "jobs")}
    assert "nodes-ph-own.json" in told["own"]
    assert "nodes.json" in told["jobs"]
    asked = [
        (request.query["nodeFrom"], request.query["phase"], request.query.get("groupNo"))
        for request in console.of(calls.NODES)
    ]
    assert asked == [("job", "", None), ("phase", "own", None), ("phase", "jobs", None), ("group", "", "1")]
    root = served.space("4105").root
    assert (root / "nodes-ph-own.json").is_file()
    assert (root / "nodes-gp-1.json").is_file()


async def test_a_phase_reaches_its_nodes_as_its_own_file_says(
    console: Console, served: ServerBench, sshd: Sshd
) -> None:
    doc = document(
        "4106", group(0, phase("l", operation("a", "echo own $NODE_NAME")), phase("s", operation("b", "true")))
    )
    remote = ssh_nodes(sshd, 1)[0]
    here = {**remote, "protocol": "local", "nodeName": "near"}
    served.give(doc, [remote])
    console.nodes["phase:l"] = node_list([here])
    assert (await served.run("4106")).state is State.SUCCEEDED
    assert "own near" in served.log("4106", "l", ssh_keys(sshd, 1)[0])
    assert "ssh://" in served.log("4106", "s", ssh_keys(sshd, 1)[0])


async def test_nodes_of_other_runners_are_left_to_them(console: Console, served: ServerBench) -> None:
    nodes = local_nodes(3)
    nodes[1]["runnerId"] = 2
    served.give(plain("4107"), nodes, jobRunnerIds=[1, 2])
    assert (await served.run("4107")).tally.succeeded == 2


async def test_a_runner_phase_needs_no_real_node(console: Console, served: ServerBench) -> None:
    served.give(plain("4108", kind="runner"))
    console.nodes["job"] = (
        '{"totalCount":1,"localRunnerId":1,"jobRunnerIds":[1]}\n{"host":"runner","protocol":"protocolNotExist"}\n'
    )
    assert (await served.run("4108")).state is State.SUCCEEDED
    assert ("node", "roll", "0", "succeed") in console.pushes()


async def test_nodes_given_with_the_run_are_not_asked_for(console: Console, served: ServerBench) -> None:
    served.give({**plain("4109"), "runNode": local_nodes(1)})
    assert (await served.run("4109")).tally.succeeded == 1
    assert console.of(calls.NODES) == []


@pytest.mark.parametrize(
    "selection",
    [Selection(phases=("none",)), Selection(nodes=(99,)), Selection(groups=(7,))],
    ids=["phase", "node", "group"],
)
async def test_filters_that_match_nothing_are_errors(served: ServerBench, selection: Selection) -> None:
    """D46."""
    served.give(plain("4110"), local_nodes(1))
    with pytest.raises(UsageError, match="has no"):
        await served.run("4110", selection=selection)


async def test_garbled_nodes_are_refused_whole(console: Console, served: ServerBench) -> None:
    served.give(plain("4111"))
    console.nodes["job"] = '{"totalCount":1}\n{"resourceId": 1, "host": '
    with pytest.raises(DocumentError):
        await served.run("4111")


async def test_scripts_come_with_their_libraries(console: Console, served: ServerBench, sshd: Sshd) -> None:
    console.scripts = {
        "11": {"name": "tell", "version": "111", "text": '. ./common.sh; . ./deep.sh; tell "v1 $deep"', "uses": [12]},
        "12": {"name": "common", "version": "121", "text": 'tell() { echo "told $1"; }', "library": 1, "uses": [13]},
        "13": {"name": "deep", "version": "131", "text": "deep=down", "library": 1, "uses": [12]},
    }
    here = '. "$(dirname "$0")/common.sh"; tell here'
    console.scripts["14"] = {"name": "here", "version": "141", "text": here, "uses": [12]}
    doc = document(
        "4112", group(0, phase("far", stored("tell", 11))), group(1, phase("near", stored("here", 14, "runner")))
    )
    served.give(doc, ssh_nodes(sshd, 1))
    assert (await served.run("4112")).state is State.SUCCEEDED
    assert "told v1 down" in served.log("4112", "far", ssh_keys(sshd, 1)[0])
    assert "told here" in served.log("4112", "near", "local-0-0")
    first = console.of(calls.SCRIPT)[0]
    assert first.query == {
        "jobId": "4112",
        "operationId": "tell_1",
        "scriptId": "11",
        "acceptStream": "True",
        "lastModified": "0",
    }
    assert [request.query["operationId"] for request in console.of(calls.SCRIPT)] == [
        "tell_1",
        "None",
        "None",
        "here_1",
    ]
    folder = served.space("4112").root / "script"
    assert (folder / "tell_1").resolve() == (folder / "11").resolve() == folder / "111.tell.sh"
    assert (folder / "111.tell.sh.lib").read_text() == "12"


async def test_a_new_version_of_a_script_is_used_and_an_old_one_kept(console: Console, served: ServerBench) -> None:
    console.scripts["21"] = {"name": "do", "version": "1", "text": "echo version one"}
    served.give(document("4113", group(0, phase("p", stored("do", 21, "runner")))), local_nodes(1))
    await served.run("4113")
    await served.run("4113", force=True)
    again = console.of(calls.SCRIPT)[-1].query
    assert again["scriptVersionId"] == "1"
    assert float(again["lastModified"]) > 0
    assert "version one" in served.log("4113", "p", "local-0-0")
    console.scripts["21"] = {"name": "do", "version": "2", "text": "echo version two"}
    await served.run("4113", force=True)
    assert "version two" in served.log("4113", "p", "local-0-0")
    assert (served.space("4113").root / "script" / "1.do.sh").is_file()


async def test_scripts_of_groups_that_do_not_run_are_not_asked_for(console: Console, served: ServerBench) -> None:
    doc = document(
        "4114", group(0, phase("a", operation("x", "true", "runner"))), group(1, phase("b", stored("y", 404, "runner")))
    )
    served.give(doc, local_nodes(1))
    assert (await served.run("4114", selection=Selection(groups=(0,)))).state is State.SUCCEEDED
    assert console.of(calls.SCRIPT) == []


@pytest.mark.parametrize("name", ["../../escape", "/etc/escape", "..", "a\\..\\escape"])
async def test_script_names_cannot_leave_the_folder(console: Console, served: ServerBench, name: str) -> None:
    console.scripts["31"] = {"name": name, "version": "1", "text": "true"}
    served.give(document("4115", group(0, phase("p", stored("do", 31, "runner")))), local_nodes(1))
    try:
        await served.run("4115", limits={"patience": 0.2})
    except PilothouseError:
        assert name == ".."
    inside = served.space("4115").root
    strays = [path for path in served.settings.data.parent.rglob("*escape*") if inside not in path.parents]
    assert strays == []


async def test_files_are_cached_linked_and_reach_the_target(console: Console, served: ServerBench, sshd: Sshd) -> None:
    console.files = {"71": ("a b.txt", b"first"), "72": ("c.bin", bytes(range(256)))}
    script = 'for f in $(echo "$2" | tr , "\\n" | tr " " "?"); do cksum < $f; done; ls file'
    option: dict[str, Any] = {"opt": {"files": [71, 72]}, "desc": {"files": "file"}}
    doc = document(
        "4116",
        group(0, phase("far", operation("use", script, **option))),
        group(1, phase("near", operation("use2", 'echo "$2"; cat "file/a b.txt"', "runner", **option))),
    )
    served.give(doc, ssh_nodes(sshd, 2))
    assert (await served.run("4116")).state is State.SUCCEEDED
    for key in ssh_keys(sshd, 2):
        lines = [line[9:] for line in served.log("4116", "far", key).splitlines()]
        assert lines[lines.index("a b.txt") :][:2] == ["a b.txt", "c.bin"]
        assert any(line.endswith(" 5") for line in lines)
        assert any(line.endswith(" 256") for line in lines)
    assert "file/a b.txt,file/c.bin" in served.log("4116", "near", "local-0-0")
    assert len(console.of(calls.FILE)) == 2
    assert console.of(calls.FILE)[0].query == {"id": "71", "lastModified": "0"}
    linked = served.space("4116").root / "file" / "a b.txt"
    assert linked.samefile(served.settings.data / "cache" / "71")
    assert not linked.is_symlink()


@pytest.mark.parametrize("unchanged", [204, 205, 304])
async def test_cached_files_are_not_sent_again(console: Console, served: ServerBench, unchanged: int) -> None:
    console.files["71"] = ("a.txt", b"first")
    console.unchanged = unchanged
    fields = {"opt": {"f": [71]}, "desc": {"f": "file"}}
    for job_id in ("4117", "4118"):
        served.give(plain(job_id, 'cat "$2"', "runner", **fields), local_nodes(1))
        assert (await served.run(job_id)).state is State.SUCCEEDED
        assert "first" in served.log(job_id, "roll", "local-0-0")
    assert float(console.of(calls.FILE)[-1].query["lastModified"]) > 0


async def test_two_files_of_one_name_do_not_collide(console: Console, served: ServerBench) -> None:
    """D38."""
    console.files = {"81": ("same.txt", b"one "), "82": ("same.txt", b"two "), "83": ("../../same.txt", b"three ")}
    fields = {"opt": {"f": [81, 82, 83]}, "desc": {"f": "file"}}
    served.give(plain("4119", "IFS=,; cat $2", "runner", **fields), local_nodes(1))
    assert (await served.run("4119")).state is State.SUCCEEDED
    assert "one two three" in served.log("4119", "roll", "local-0-0")


async def test_a_missing_file_fails_its_operation_only_and_says_why(console: Console, served: ServerBench) -> None:
    served.give(plain("4120", "true", "runner", opt={"f": [9]}, desc={"f": "file"}), local_nodes(1))
    assert (await served.run("4120")).state is State.FAILED
    assert "file not found" in served.log("4120", "roll", "local-0-0")


async def test_a_file_that_breaks_off_never_reaches_the_cache(console: Console, served: ServerBench) -> None:
    console.files["91"] = ("big", b"y" * 5000)
    cut = Reply(200, b"y" * 5000, {"Content-Disposition": 'attachment; filename="big"'}, cut=1000)
    console.faults[calls.FILE].append(cut)
    served.give(plain("4121", 'wc -c < "$2"', "runner", opt={"f": [91]}, desc={"f": "file"}), local_nodes(1))
    assert (await served.run("4121")).state is State.SUCCEEDED
    assert "5000" in served.log("4121", "roll", "local-0-0")


async def test_accounts_are_looked_up_and_stay_hidden(console: Console, served: ServerBench, sshd: Sshd) -> None:
    sealed = seal_for_config(PASSWORD.decode(), STOCK_PASSWORD_KEY)
    known = b64encode(b"app/" + PASSWORD).decode()
    script = f'[ "$(printf %s "$2" | base64)" = {known} ] && [ "$4" = "$2" ] && echo right; echo "said $2"'
    console.accounts = {"55": sealed, "56": {"passwordCipher": sealed}}
    doc = document(
        "4122",
        group(
            0,
            phase(
                "roll",
                operation(
                    "use",
                    script,
                    opt={"a": "app/55/ssh", "b": "app/56/ssh"},
                    desc={"a": "account", "b": "account"},
                ),
            ),
        ),
        opt={"JP": "no"},
    )
    served.give(doc, ssh_nodes(sshd, 1))
    assert (await served.run("4122")).state is State.SUCCEEDED
    log = served.log("4122", "roll", ssh_keys(sshd, 1)[0])
    assert "right" in log
    asked = console.of(calls.ACCOUNT)[0].body
    node = ssh_nodes(sshd, 1)[0]
    assert asked == {
        "jobId": "4122",
        "resourceId": node["resourceId"],
        "host": node["host"],
        "port": node["port"],
        "username": "app",
        "accountId": "55",
        "protocol": "ssh",
    }
    for path in served.space("4122").root.rglob("*"):
        if path.is_file():
            assert PASSWORD not in path.read_bytes(), path


async def test_the_deployment_context_is_asked_for_and_exported(console: Console, served: ServerBench) -> None:
    console.answers[calls.DEPLOY_IDS] = lambda request: envelope({"sysId": 10, "moduleId": 20, "envId": 3})
    console.answers[calls.DEPLOY_RUNNERS] = lambda request: envelope({"1": "runner-a"})
    doc = plain("4123", 'echo "$NAME_PATH $ID_PATH $ENV_NAME $APP_DIST $DEPLOY_RUNNERGROUP"', "runner")
    served.give(
        {**doc, "tenant": "acme", "environment": {"DEPLOY_PATH": "shop/web/prod", "VERSION": "1.2"}}, local_nodes(1)
    )
    assert (await served.run("4123")).state is State.SUCCEEDED
    assert console.of(calls.DEPLOY_IDS)[0].body == {
        "sysName": "shop",
        "moduleName": "web",
        "envName": "prod",
        "tenant": "acme",
    }
    assert console.of(calls.DEPLOY_RUNNERS)[0].body == {"sysId": "10", "moduleId": "20", "envId": "3", "tenant": "acme"}
    dist = served.settings.data / "verdata/10/20/artifact/1.2/env/3/app"
    assert f'shop/web/prod 10/20/3 prod {dist} {{"1": "runner-a"}}' in served.log("4123", "roll", "local-0-0")


async def test_scripts_in_blocks_are_fetched_and_variables_told(console: Console, served: ServerBench) -> None:
    console.scripts["61"] = {"name": "inner", "version": "1", "text": "echo from the block"}
    setenv = {
        "opId": "native/setenv_1",
        "opName": "native/setenv",
        "opType": "native",
        "opt": {"name": "CITY", "value": "北京", "scope": "global"},
    }
    block = {
        "opId": "native/IF-Block_2",
        "opName": "native/IF-Block",
        "opType": "native",
        "condition": '$CITY == "北京"',
        "if": [stored("inner", 61, "runner")],
    }
    served.give(document("4124", group(0, phase("roll", setenv, block, phaseType="runner"))), local_nodes(1))
    assert (await served.run("4124")).state is State.SUCCEEDED
    assert "from the block" in served.log("4124", "roll", "local-0-0")
    (told,) = console.of(calls.SET_VARIABLE)
    assert (told.body["envName"], told.body["envValue"]) == ("CITY", "北京")


async def test_a_package_is_fetched_and_run(console: Console, served: ServerBench, sshd: Sshd) -> None:
    content = tar({"run.sh": ". ./words.sh; say", "words.sh": 'say() { echo "said it"; }'})
    console.scripts["71"] = {"name": "install", "version": "711", "text": content, "interpreter": "package"}
    part = {**stored("install", 71), "interpreter": "package"}
    served.give(document("4125", group(0, phase("roll", part))), ssh_nodes(sshd, 1))
    assert (await served.run("4125")).state is State.SUCCEEDED
    assert "said it" in served.log("4125", "roll", ssh_keys(sshd, 1)[0])
    # what is in it stays out of the folder where other scripts lie
    assert not (served.space("4125").root / "script" / "words.sh").exists()
