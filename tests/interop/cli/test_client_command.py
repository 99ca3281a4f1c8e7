"""Our ``slapos`` command against the original's master, an unmodified ``slapos proxy`` (group L of the spec)."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.commands import SOURCES
from tests.interop.cli.world import Site
from tests.slaposcli import Slapos

from pilothouse.slap.client import ComputerPartition


def parameters(partition: ComputerPartition, *names: str) -> dict[str, Any]:
    found = partition.getInstanceParameterDict()
    return {name: found.get(name) for name in names}


def test_a_request_and_its_repetition_after_publication(site: Site, slapos: Slapos) -> None:
    """Check L02."""
    site.partitions(1)
    title = site.title("one")
    words = ("request", title, "plain", "--node", f"computer_guid={site.node}", "--state", "stopped",
             "--type", "default", "--parameters", "foo=bar", "x=a=b")  # fmt: skip
    done = slapos(*words)
    assert done.out == ""
    assert done.err == (
        f"INFO Validating request parameters for {title} as an instance of plain ...\n"
        f"INFO Requesting {title} as an instance of {site.plain} ...\n"
        "INFO Instance requested.\nState is : stopped.\n"
        "INFO Connection parameters of instance are:\n"
        "INFO {}\n"
        "INFO You can rerun the command to get up-to-date information.\n"
    )
    partition = site.partition()
    assert partition.getState() == "stopped"
    assert parameters(partition, "foo", "x") == {"foo": "bar", "x": "a=b"}
    partition.setConnectionDict({"url": "http://h"})
    assert "\nINFO {'url': 'http://h'}\n" in slapos(*words).err


def test_a_slave_is_requested_and_its_host_told(site: Site, slapos: Slapos) -> None:
    """Check L03."""
    site.partitions(1)
    url, title = f"http://127.0.0.1:1/{site.node}.cfg", site.title("shared")
    slapos("request", site.title("host"), url, "--node", f"computer_guid={site.node}")
    done = slapos("request", title, url, "--slave", "--node", f"computer_guid={site.node}", "--parameters", "domain=d")
    assert "State is : started." in done.err
    assert f"WARNING Unable to load JSON {url}.json (FetchError: nothing answers there" in done.err
    (slave,) = site.partition().getInstanceParameterDict()["slave_instance_list"]
    assert (slave["slave_reference"], slave["domain"]) == (f"_{title}", "d")


def test_a_full_master_refuses_and_says_what_to_look_for(site: Site, slapos: Slapos) -> None:
    """Check L04."""
    site.partitions(0)
    said = slapos("request", site.title("x"), "plain", "--node", f"computer_guid={site.node}", code=1).err
    assert f"\nERROR {site.proxy.url}requestComputerPartition\n" in said
    assert f"no free partition for this request with computer_guid={site.node}" in said
    assert "Traceback" not in said


def test_json_goes_there_and_back(site: Site, slapos: Slapos) -> None:
    """Check L05."""
    site.partitions(1)
    title, value = site.title("json"), {"foo": "bar", "deep": {"list": [1, None]}}
    file = site.folder / "x.json"
    file.write_text(json.dumps(value))
    words = ("request", title, "json", "--node", f"computer_guid={site.node}", "--parameters-file", str(file))
    slapos(*words)
    assert parameters(site.partition(), "_") == {"_": json.dumps(value, indent=2)}
    site.partition().setConnectionDict({"_": '{"url": "http://h"}'})
    assert "\nINFO {'url': 'http://h'}\n" in slapos(*words).err
    told = json.loads(slapos("service", "info", title).out)
    assert told["instance-parameters"] == {"_": value}
    assert told["connection-parameters"] == {"url": "http://h"}


def test_parameters_that_do_not_fit_are_sent_all_the_same(site: Site, slapos: Slapos) -> None:
    """Check L07."""
    site.partitions(1)
    words = ("request", site.title("x"), "plain", "--node", f"computer_guid={site.node}", "--parameters", "foo=wrong")
    lines = slapos(*words).err.splitlines()
    assert lines[1] == "WARNING Request parameters do not validate against schema definition:"
    assert lines[2].startswith("  $.foo: ")
    assert parameters(site.partition(), "foo") == {"foo": "wrong"}


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("x", "plain", "--parameters", "novalue"), 1),
        (("x", "plain", "--node", "a=1", "a=2"), 1),
        (("x",), 2),
        (("x", "plain", "--parameters", "a=1", "--parameters-file", "{cfg}"), 2),
        (("x", "plain", "--parameters-file", "/none"), 2),
        (("x", "plain", "--force-serialisation", "other"), 2),
    ],
)
def test_wrong_usage_reaches_no_master(site: Site, slapos: Slapos, words: tuple[str, ...], code: int) -> None:
    """Check L08."""
    site.partitions(1)
    slapos("request", *(word.format(cfg=site.cfg) for word in words), code=code)
    assert site.partition().getState() == "destroyed"


def test_services_are_listed_and_told(site: Site, slapos: Slapos) -> None:
    """Checks L09, L10; the commands `list` and `info` of the documentation too."""
    site.partitions(1)
    url, host, shared = f"http://127.0.0.1:1/{site.node}.cfg", site.title("b"), site.title("a")
    site.library.registerOpenOrder().request(url, host, {"p": "v"}, filter_kw={"computer_guid": site.node})
    site.library.registerOpenOrder().request(url, shared, {"q": "w"}, None, {"computer_guid": site.node}, shared=True)
    site.partition().setConnectionDict({"u": "é"})
    listed = slapos("service", "list").out
    services = json.loads(listed)
    assert services.items() >= {host: url, shared: url}.items()
    assert listed == json.dumps(services, indent=2, sort_keys=True) + "\n"
    assert slapos("list").out == listed
    assert slapos("service", "info", host).out == (
        "{\n"
        f'  "software-url": "{url}",\n'
        '  "software-type": "default",\n'
        '  "shared": false,\n'
        '  "requested-state": "started",\n'
        '  "instance-parameters": {\n    "p": "v"\n  },\n'
        '  "connection-parameters": {\n    "u": "\\u00e9"\n  },\n'
        '  "status": "unsupported"\n'
        "}\n"
    )
    told = json.loads(slapos("info", shared, "--news").out)
    assert (told["shared"], told["requested-state"], told["instance-parameters"]) == (True, "unused", {"q": "w"})
    assert slapos("info", "nobody", code=2).err == "WARNING Instance nobody does not exist.\n"


def test_computers_are_listed_and_told(site: Site, slapos: Slapos) -> None:
    """Check L12."""
    site.partitions(0)
    listed = slapos("computer", "list").out.splitlines()
    assert listed[0] == "List of Computers:"
    assert f"{site.node} {site.node}" in listed[1:]
    told = slapos("computer", "info", site.node).out
    assert told == f"Computer Reference: {site.node}\nComputer Title    : {site.node}\n"
    assert slapos("computer", "info", "nobody", code=2).out == "Computer nobody does not exist.\n"
    assert "gives no computer tokens" in slapos("computer", "token", code=1).err


def test_software_is_supplied_and_removed(site: Site, slapos: Slapos) -> None:
    site.partitions(0)
    assert slapos("supply", "plain", site.node).err == (
        "INFO Requesting software installation of plain...\nINFO Done.\n"
    )
    (release,) = site.library.registerComputer(site.node).getSoftwareReleaseList()
    assert (release.getURI(), release.getState()) == (site.plain, "available")
    assert slapos("remove", site.plain, site.node).err == (
        f"INFO Requesting deletion of {site.plain} Software Release...\nINFO Done.\n"
    )
    (release,) = site.library.registerComputer(site.node).getSoftwareReleaseList()
    assert release.getState() == "destroyed"
    assert "'wordpress' is no URL and no alias" in slapos("supply", "wordpress", site.node).err


@pytest.mark.parametrize("words", [("request", "x", "product.none"), ("supply", "product.none", "x")])
def test_a_product_that_nobody_offers_is_refused(slapos: Slapos, words: tuple[str, ...]) -> None:
    """Check L13."""
    said = slapos(*words, code=1).err
    assert "Error: No Software Release corresponding to this Software Product has been found. Exiting now." in said


SCRIPT = """\
import sys
partition = request(plain, sys.argv[1], filter_kw={"computer_guid": sys.argv[2]})
supply(plain, sys.argv[2])
print(partition.getId(), partition.getState(), getInformation(sys.argv[1])._reference == sys.argv[1], __file__)
print(software_list(), slap.getComputerDict()[sys.argv[2]]._reference == sys.argv[2], product.__class__.__name__)
sys.exit(7)
"""


def test_a_script_finds_the_library_and_its_arguments(site: Site, slapos: Slapos, tmp_path: Path) -> None:
    """Check L14."""
    site.partitions(1)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    slapos.cfg = ""
    words = ("console", "--cfg", str(site.cfg), str(script), site.title("s"), site.node)
    assert slapos(*words, code=7).out == (
        f"{site.node}part0 started True {script}\n['json', 'plain'] True SoftwareProductCollection\n"
    )


def test_a_script_that_fails_is_shown_from_its_own_line_on(site: Site, slapos: Slapos, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("def f():\n    1 / 0\nf()\n")
    slapos.cfg = ""
    said = slapos("console", "--cfg", str(site.cfg), str(script), "-v", code=1).err
    assert f'File "{script}", line 2, in f' in said
    assert "run_script" not in said
    assert "cannot be read" in slapos("console", "--cfg", str(site.cfg), str(tmp_path / "none"), code=1).err


def test_what_is_piped_into_the_console_is_run(site: Site, slapos: Slapos, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check L15."""
    site.partitions(0)
    monkeypatch.setattr(
        "sys.stdin", io.StringIO("x = slap.getComputerDict()\nfor name in x:\n    print(name)\n\n6 * 7\n")
    )
    done = slapos("console", "--python", "-u", "http://other")
    assert site.node in done.out.splitlines()
    assert done.out.splitlines()[-1] == "42"
    assert done.err.startswith("WARNING --master_url is ignored; ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[slapos]\n", "ERROR No option 'master_url'\n"),
        ("[x]\n", "ERROR No section: 'slapos'\n"),
        ("[slapos]\nmaster_url = https://127.0.0.1:1/\n", "ERROR No option 'key_file' and/or 'cert_file'\n"),
        ("[slapos]\nmaster_url = http://127.0.0.1:1/\n", "ERROR Couldn't connect to the server. Please double check"),
    ],
)
@pytest.mark.parametrize("words", [("service", "list"), ("computer", "info", "x"), ("supply", "http://a", "b")])
def test_a_master_that_cannot_be_asked_is_an_error(
    slapos: Slapos, tmp_path: Path, text: str, said: str, words: tuple[str, ...]
) -> None:
    """Check L17."""
    file = tmp_path / "other.cfg"
    file.write_text(text)
    slapos.cfg = str(file)
    assert said in slapos(*words, code=1).err


def test_a_master_that_does_not_tell_its_lists_is_explained(site: Site, slapos: Slapos, tmp_path: Path) -> None:
    file = tmp_path / "other.cfg"
    file.write_text(f"[slapos]\nmaster_url = {site.proxy.url}\n")
    slapos.cfg = str(file)
    said = slapos("service", "list", code=1).err
    assert "ERROR SlapOS Master Hateoas API required for this operation is not available.\n" in said
    assert f"master_rest_url = {site.proxy.url}hateoas" in said


def test_the_command_is_a_program(site: Site) -> None:
    """Results go to standard output, everything else to standard error."""
    site.partitions(0)
    environment = {**os.environ, "PYTHONPATH": str(SOURCES), "SLAPOS_CLIENT_CONFIGURATION": str(site.cfg)}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-m", "pilothouse.cli.slapos.main", "-v", "computer", "list"],
        env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{site.node} {site.node}\n" in done.stdout
    assert f" DEBUG Loading config: {site.cfg}\n" in done.stderr
