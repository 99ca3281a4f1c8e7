"""Promises by real processes (node spec 13, checks 56 to 71)."""

import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.promises import Partition

from pilothouse.node.promise_runners import Runners
from pilothouse.node.promises import PromiseError, check


@pytest.fixture(scope="module")
def runners() -> Iterator[Runners]:
    made = Runners()
    yield made
    made.close()


@pytest.fixture
def partition(tmp_path: Path, runners: Runners) -> Partition:
    return Partition(tmp_path / "slappart0", runners)


def test_a_program_and_its_files(partition: Partition) -> None:
    partition.program("always-ok", "echo all good")
    outcome = partition.examine()
    assert outcome.failure is None
    document = partition.document("always-ok")
    assert list(document) == ["title", "name", "path", "execution-time", "result"]
    assert document["path"] == str(partition.folder / "etc" / "promise" / "always-ok")
    assert document["execution-time"] % 0.05 == pytest.approx(0, abs=1e-6) or document["execution-time"] >= 0.05
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", document["result"].pop("date"))
    assert document["result"] == {"type": "Test Result", "failed": False, "message": "all good"}
    (line,) = partition.log("always-ok")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - INFO - \d{10}-\d{3} - all good", line)
    card = partition.document("always-ok", "cache")
    assert (card["is_tested"], card["is_anomaly_detected"], card["periodicity"]) == (True, True, 2)
    assert card["next_run_after"] == card["timestamp"] + 120
    assert card["module_file"].endswith("wrapper.py")
    assert card["module_file_mtime"] == Path(card["module_file"]).stat().st_mtime


def test_a_program_that_fails_says_what_it_printed(partition: Partition) -> None:
    partition.program("a", "exit 0").program("bad", "echo out; echo err >&2; exit 127").program("worse", "exit 1")
    outcome = partition.examine()
    assert outcome.failure == "Promise 'bad' failed with output: out\nerr"
    assert ("ERROR", "out\nerr") in partition.said


@pytest.mark.parametrize(("code", "failed"), [(0, False), (1, True), (2, True), (3, True)])
def test_plugins_of_nagios(partition: Partition, code: int, failed: bool) -> None:
    partition.program("check_disk", f"echo 'DISK | /=1MB;2;3'; exit {code}")
    (found,) = partition.examine().found
    assert (found.result.failed, found.result.message) == (failed, "DISK | /=1MB;2;3")


def test_check_68_of_a_long_message_the_end_is_kept(partition: Partition) -> None:
    partition.program("long", "printf begin; head -c 6000 /dev/zero | tr '\\0' x; printf end")
    message = partition.examine().found[0].result.message
    assert message == "..." + "x" * 4997 + "end"
    assert partition.document("long")["result"]["message"] == message


def test_a_program_runs_in_the_partition_without_arguments(partition: Partition) -> None:
    partition.program("where", 'pwd; echo "$#"; cat')
    assert partition.examine().found[0].result.message == f"{partition.folder}\n0"


def test_what_is_no_program_is_named(partition: Partition) -> None:
    (partition.folder / "etc" / "promise" / "text").write_text("no")
    partition.program("ok", "true")
    assert partition.examine().failure is None
    assert any(level == "WARNING" and "Bad promise file" in text for level, text in partition.said)


def test_a_plugin(partition: Partition) -> None:
    partition.plugin(
        "site.py",
        """
        def __init__(self, config):
            super().__init__(config)
            self.setPeriodicity(minute=1)
        def sense(self):
            print("printed")
            assert self.getTitle() == "site" and self.getName() == "site.py"
            self.logger.info("%s %s", self.getConfig("partition-id"), self.getConfig("colour"))
            self.logger.debug("not kept")
            raise ValueError("down")
        """,
    )
    with (partition.folder / "etc" / "plugin" / "site.py").open("a") as stream:
        stream.write("\nextra_config_dict = {'colour': 'blue'}\n")
    outcome = partition.examine()
    assert outcome.failure == "Promise 'site.py' failed with output: slappart0 blue\ndown"
    assert ("INFO", "printed") in partition.said
    info, error = partition.log("site")
    assert " - INFO - " in info
    assert " - ERROR - " in error
    assert info.split(" - ")[2] == error.split(" - ")[2]
    assert partition.document("site", "cache")["periodicity"] == 1
    assert (partition.folder / "etc" / "plugin" / "__init__.py").exists()


def test_periodicity_counts_for_anomalies_and_failures_are_remembered(partition: Partition) -> None:
    partition.program("ok", "true").plugin("bad.py", "def sense(self): self.logger.error('bad')")
    assert partition.examine(anomaly=True, forced=False).failure
    ran = partition.log("bad")
    outcome = partition.examine(anomaly=True, forced=False)
    assert (outcome.skipped, outcome.failure) == (2, "Promise 'bad.py' failed with output: bad")
    assert ("INFO", "2 promises didn't need to be checked.") in partition.said
    assert partition.log("bad") == ran
    card = partition.document("bad", "cache")
    partition.path("bad", "cache").write_text(json.dumps({**card, "next_run_after": time.time() - 1}))
    assert partition.examine(anomaly=True, forced=False).skipped == 1
    assert partition.examine().skipped == 0


def test_modes(partition: Partition) -> None:
    init = "def __init__(self, config):\n    super().__init__(config)\n    self.{}()\n{}"
    init += "def sense(self): self.logger.info('x')"
    partition.plugin("testless.py", init.format("setTestLess", ""))
    partition.plugin("anomalyless.py", init.format("setAnomalyLess", ""))
    partition.plugin("both.py", init.format("setAnomalyLess", "    self.setTestLess()\n"))
    found = {one.name: one.result for one in partition.examine().found}
    assert found.keys() == {"anomalyless.py", "both.py"}
    assert found["both.py"].message == "It's not allowed to disable both Test and Anomaly in promise!"
    assert not partition.path("testless", "log").exists()
    found = {one.name: one.result for one in partition.examine(anomaly=True).found}
    assert found["testless.py"].kind == "Anomaly Result"
    assert "anomalyless.py" not in found


def test_anomalies_of_programs_need_three_failures(partition: Partition) -> None:
    partition.program("flaky", "exit 1")
    assert [partition.examine(anomaly=True).failure is None for _ in range(4)] == [True, True, False, False]


def test_history_is_offered_to_plugins(partition: Partition) -> None:
    partition.plugin(
        "p.py",
        """
        def sense(self):
            before = self.getLastPromiseResultList(result_count=9)
            if len(before) == 1: self.logger.error("old")
            else: self.logger.info("%s %s", len(before), [one[0]["message"] for one in before])
        def test(self):
            return self._test(result_count=3, failure_amount=2)
        """,
    )
    assert partition.examine().found[0].result.message == "0 []"
    assert not partition.examine().found[0].result.failed
    assert partition.examine().found[0].result.message == "2 ['old', '0 []']"


@pytest.mark.parametrize("anomaly", [False, True])
def test_a_bang_is_asked_for_once(partition: Partition, anomaly: bool) -> None:
    body = "def sense(self): self.logger.error('bad')"
    partition.plugin("a.py", body).plugin("b.py", body)
    assert bool(partition.examine(anomaly=anomaly, concurrency=1).bang) is anomaly
    assert partition.examine(anomaly=anomaly, can_bang=False).bang is None


def test_a_bang_can_be_forbidden(partition: Partition) -> None:
    for name, order in (("early", ("self.allowBang(False)", "super().__init__(config)")),
                        ("late", ("super().__init__(config)", "self.allowBang(False)"))):  # fmt: skip
        lines = "\n    ".join(order)
        partition.plugin(f"{name}.py", f"def __init__(self, config):\n    {lines}\ndef sense(self): 1/0")
    assert partition.examine(anomaly=True).bang is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "Class RunPromise is not found"),
        ("from slapos.grid.promise import GenericPromise\nclass RunPromise(GenericPromise):\n  def sense(self): pass\n",
         "@implementer(interface.IPromise) is missing ?"),
        ("def broken(", "SyntaxError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("import os\nos._exit(0)", ""),
    ],
)  # fmt: skip
def test_plugins_that_are_none(partition: Partition, text: str, said: str) -> None:
    partition.plugin("bad.py", text, head="").program("ok", "true")
    outcome = partition.examine()
    assert outcome.failure == "Promise 'bad.py' failed with output: Error: No output returned by the promise"
    assert any(said in text for _, text in partition.said)
    assert not partition.document("ok")["result"]["failed"]


def test_plugins_find_libraries_that_come_with_them(partition: Partition, tmp_path: Path) -> None:
    """``slapos`` is theirs as well as ours, and what we have installed is not imported in its place."""
    library = tmp_path / "egg" / "slapos" / "toolkit"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("colour = 'green'")
    (tmp_path / "egg" / "slapos" / "grid").mkdir()
    (tmp_path / "egg" / "slapos" / "grid" / "promise.py").write_text("raise AssertionError('not ours')")
    partition.plugin("p.py", "def sense(self): self.logger.info(colour)")
    path = partition.folder / "etc" / "plugin" / "p.py"
    path.write_text(
        f"import sys\nsys.path[0:0] = [{str(tmp_path / 'egg')!r}]\nfrom slapos.toolkit import colour\n"
        + path.read_text()
    )
    assert partition.examine().found[0].result.message == "green"


def test_the_python_of_the_release(partition: Partition, tmp_path: Path) -> None:
    release = tmp_path / "release"
    (release / "bin").mkdir(parents=True)
    python = release / "bin" / "its-python"
    python.write_text(f'#!/bin/sh\nITS_PYTHON=yes exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (release / "bin" / "buildout").write_text(f"#!/bin/sh\nexec {python} $@\n")
    partition.program("p", 'echo "$ITS_PYTHON $HOME"')
    assert not partition.examine(software=release).found[0].result.message.startswith("yes")
    partition.plugin("q.py", "def sense(self): import os; self.logger.info(os.environ.get('ITS_PYTHON'))")
    found = {one.name: one.result.message for one in partition.examine(software=release).found}
    assert found["q.py"] == "yes"
    assert found["p"].startswith("yes /")
    assert ("INFO", f"Switching to slappart0's python at {python}") in partition.said
    (release / "bin" / "buildout").write_text("#!/nowhere/python\n")
    with pytest.raises(PromiseError, match=r"slappart0.*/nowhere/python"):
        partition.examine(software=release)


def test_old_files_go(partition: Partition) -> None:
    partition.program("ok", "true")
    base = partition.folder / ".slapgrid" / "promise"
    (base / "history").mkdir(parents=True)
    (base / "ok.timestamp").touch()
    (base / "promise_stats.json").touch()
    (partition.folder / "etc" / "plugin" / "stale.pyc").touch()
    partition.examine()
    assert sorted(path.name for path in base.iterdir()) == ["cache", "log", "result"]
    assert not (partition.folder / "etc" / "plugin" / "stale.pyc").exists()
    assert (partition.folder / "etc" / "plugin" / "__init__.py").exists()


def test_promises_belong_to_the_partitions_user(runners: Runners) -> None:
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        folder.chmod(0o755)
        partition = Partition(folder / "slappart0", runners).program("who", "id -u; id -g")
        user = 65534 if os.geteuid() == 0 else os.geteuid()
        if os.geteuid() == 0:
            partition.give(user)
        partition.folder.chmod(0o750)
        assert partition.examine().found[0].result.message.splitlines()[0] == str(user)
        assert {path.stat().st_uid for path in (partition.folder / ".slapgrid").rglob("*")} == {user}
    finally:
        shutil.rmtree(folder)


class _Place(msgspec.Struct):
    name: str
    folder: Path


class _Master:
    def __init__(self) -> None:
        self.banged: list[str] = []

    def bang(self, message: str) -> None:
        self.banged.append(message)
        raise ConnectionError("away")


class _Wanted(msgspec.Struct):
    url: str | None
    partition: _Master


class _Examination(msgspec.Struct):
    anomaly: bool
    forced: bool
    seconds: int


class _Node(msgspec.Struct):
    computer_id: str
    master_url: str
    software_root: Path
    certificate_repository_path: Path | None = None


def test_a_pass_of_the_node(partition: Partition, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    partition.plugin("p.py", "def sense(self): self.logger.error(self.getConfig('computer-id'))")
    master = _Master()
    place, wanted = _Place("slappart0", partition.folder), _Wanted("http://a", master)
    node = _Node("COMP-1", "http://m", tmp_path)
    text = check(node, place, wanted, _Examination(anomaly=True, forced=True, seconds=20))
    assert text == "Promise 'p.py' failed with output: COMP-1"
    assert master.banged == ["Promise p is failing"]
    assert "The master could not be told: Promise p is failing: away" in caplog.text
