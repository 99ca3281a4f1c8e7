"""The demos: every option is taken, and the outputs are those of the published sample."""

from pathlib import Path

import pytest
from tests.integration.tools.running import SHELLS, Ran, run_on_runner, run_on_target

# The published sample; its target part shows the same text read in a wrong character set.
SAMPLE = {
    "outtext": "this is the text out value",
    "outfile": "this is the output file name",
    "outjson": '{"key1":"value1", "key2":"value2"}',
    "outcsv": '"name","sex","age"\\n"\u5f20\u4e09\u201c,"\u7537\u201c,"30"\\n"\u674e\u56db","\u5973\u201c,"35"',
    "outpassword": "{RC4}xxxxxxxxxx",
}
WORDS = (
    *("--text", "it's $(id) and `id`"),
    *("--password", "never-shown-1"),
    *("--account", "app/never-shown-2"),
    *("--textarea", r"one\ntwo"),
    *("--json", '{"a": "b c"}'),
    *("--select", "two"),
    *("--multiselect", '["one","two"]'),
    *("--checkbox", '["three"]'),
    *("--date", "2024-02-29"),
    *("--time", "23:59:59"),
    *("--datetime", "2024-02-29 23:59:59"),
    *("--phase", "prepare"),
    *("--userselect", "somebody"),
    *("--node", '[{"ip": "192.0.2.7"}]'),
    *("--file", "file/a,file/b c"),
    *("--filepath", "output-op/x.txt"),
    "--switch",
    *("--received", "handed on"),
    *("first argument", "--second", ""),
)


def check(ran: Ran, head: str) -> None:
    assert (ran.code, ran.outputs) == (0, SAMPLE)
    assert ran.log.startswith(f"INFO: {head}\n")
    assert all(line.startswith(("INFO: ", "FINE: ")) for line in ran.log.splitlines())
    for shown in (
        "INFO: text = it's $(id) and `id`\n",
        "INFO: textarea = one\\ntwo\n",
        'INFO: json = {"a": "b c"}\n',
        "INFO: password = ******\n",
        "INFO: switch is on\n",
        "FINE: received from an earlier operation: handed on\n",
        "INFO: argument = first argument\nINFO: argument = --second\nINFO: argument = \n",
    ):
        assert shown in ran.log
    assert "never-shown" not in ran.log


def test_localdemo(tmp_path: Path) -> None:
    check(run_on_runner("demo/localdemo", *WORDS, folder=tmp_path), "localdemo runs on the runner in phase prepare")


def test_localremotedemo(tmp_path: Path) -> None:
    node = {"NODE_NAME": "tomcat1", "NODE_HOST": "192.0.2.7", "NODE_PORT": "8080"}
    ran = run_on_runner("demo/localremotedemo", *WORDS, folder=tmp_path, environment=node)
    check(ran, "localremotedemo runs on the runner for target tomcat1 (192.0.2.7)")


@pytest.mark.parametrize("shell", [(), *SHELLS], ids=" ".join)
def test_remotedemo(tmp_path: Path, shell: tuple[str, ...]) -> None:
    ran = run_on_target("demo/remotedemo", *WORDS, folder=tmp_path, shell=shell)
    check(ran, "remotedemo runs on target tomcat1 (192.0.2.7)")


def test_without_output_path_the_outputs_are_in_the_working_folder(tmp_path: Path) -> None:
    assert run_on_target("demo/remotedemo", folder=tmp_path, output_path=False).outputs == SAMPLE


def test_a_wrong_option_is_refused(tmp_path: Path) -> None:
    ran = run_on_runner("demo/localdemo", "--nonsense", "x", folder=tmp_path)
    assert (ran.code, ran.outputs) == (2, None)
    assert "ERROR: there is no option --nonsense" in ran.log
    assert run_on_runner("demo/localdemo", "--text", folder=tmp_path).code == 2


def test_outputs_are_private(tmp_path: Path) -> None:
    run_on_target("demo/remotedemo", folder=tmp_path)
    assert (tmp_path / "demo" / "output.json").stat().st_mode & 0o077 == 0
