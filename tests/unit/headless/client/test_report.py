import io
import re
from pathlib import Path

import pytest

from pilothouse.headless.client.events import Session
from pilothouse.headless.client.report import Report, now
from pilothouse.headless.client.stop import TrustError
from pilothouse.headless.xml_profile import Element

FINAL = b"<phc><response><scram>c=biws,r=abc,p=dHzbZapW=</scram></response></phc>"
FIRST = b"<phc><login><scram>p=tls-server-end-point,,n=R41,r=abc</scram></login></phc>"
VERIFIER = b"<phc><welcome><scram>v=6rriTRBi=</scram></welcome></phc>"


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def written(level: int, *, terminal: bool = False) -> tuple[Report, io.BytesIO]:
    raw = io.BytesIO()
    stream = (Terminal if terminal else io.TextIOWrapper)(raw, "utf-8")
    return Report(level, stream), raw


@pytest.mark.parametrize(("level", "marks"), [(0, ""), (1, "I"), (2, "I>"), (3, "I><"), (7, "I><")])
def test_levels(level: int, marks: str) -> None:
    report, raw = written(level)
    report.info("one")
    report.sent(b"<a/>")
    report.received(b"<b/>")
    assert "".join(line[:1] for line in raw.getvalue().decode().splitlines()) == marks


def test_proof_and_verifier_are_masked_and_the_flag_is_not() -> None:
    report, raw = written(3)
    for payload in (FIRST, FINAL, VERIFIER):
        report.sent(payload)
    shown = raw.getvalue().decode()
    assert "p=tls-server-end-point,,n=R41,r=abc<" in shown
    assert "c=biws,r=abc,p=***<" in shown
    assert "v=***<" in shown
    assert "dHzb" not in shown
    assert "6rri" not in shown


def test_a_line_stays_a_line_and_a_terminal_gets_no_control_characters() -> None:
    report, raw = written(1, terminal=True)
    report.info("a\nb\x1b[2J")
    assert raw.getvalue().endswith(b"a\\nb\\x1b[2J\n")


def test_times_are_rfc_3339() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", now())


def test_the_log_file_is_private_and_is_written_when_quiet(tmp_path: Path) -> None:
    path = tmp_path / "log"
    report = Report(0, io.TextIOWrapper(io.BytesIO()), str(path))
    report.log("one\ntwo")
    report.log("three")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [line.split("] ")[-1] for line in path.read_text().splitlines()] == ["one", "  two", "three"]


def event(name: str, number: int, text: str = "", **attributes: str) -> Element:
    return Element(name, {"session": "S", "ev": str(number), **attributes}, (), text)


def test_events_are_shown_once_and_the_end_decides() -> None:
    report, raw = written(1)
    session = Session("S", report)
    assert session.take(event("log", 1, "one", job="1", stream="stdout")) is None
    assert session.take(event("log", 1, "one", job="1", stream="stdout")) is None
    assert session.take(event("log", 2, "eA==", job="1", stream="stderr", enc="b64")) is None
    assert session.take(Element("log", {"session": "other", "ev": "3"})) is None
    assert session.take(event("session-end", 3, state="failed", duration="8.9")) == 4
    lines = [line.split(" ", 2)[2] for line in raw.getvalue().decode().splitlines()]
    assert lines == ["job 1 stdout: one", "job 1 stderr: x", "session S ended: failed (8.9 s), exit 4"]


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("cancelled", 4), ("expired", 4), ("lost", 4), ("new", 4)])
def test_only_ok_is_ok(state: str, code: int) -> None:
    assert Session("S", written(0)[0]).take(event("session-end", 1, state=state)) == code


def test_lost_events_are_skipped_but_never_back() -> None:
    session = Session("S", written(0)[0])
    session.skip_to("5")
    assert session.last == 4
    with pytest.raises(TrustError):
        session.skip_to("5")
