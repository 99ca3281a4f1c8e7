"""The table of the server's part of the benchmarks, and its command line."""

import msgspec
import pytest
from benchmarks.server import cli
from benchmarks.server.masters import ORIGINAL
from benchmarks.server.results import Result, Start
from benchmarks.server.starts import ORIGINAL as THEIRS
from benchmarks.server.starts import OURS
from benchmarks.server.table import render

ROW = Result(
    master="proxy", instances=10, work="read", clients=1, kept=True, answered=1000, failed=0, rate=2000.0, p50=0.4,
    p99=1.25, cpu=0.25, database_cpu=0.0, client_cpu=0.1, memory_mib=70.0, size=19000, load=1.0,
)  # fmt: skip


def test_rows_are_compared_with_the_originals() -> None:
    theirs = msgspec.structs.replace(ROW, master=ORIGINAL, rate=100.0, cpu=5.0, kept=False)
    crowd = msgspec.structs.replace(theirs, work="crowd", clients=100, answered=100, lost=36)
    text = render("2026-01-01", [("Memory", "1 GiB")], [theirs, ROW, crowd], [], ["up: it does not listen"])
    assert "| read | 1 | proxy | kept | 2000 | 20.0 | 0.40 | 1.25 | 0.25 | 20.0 |" in text
    assert "| original | 10 | 100 | 36 | 1.00 | 1.0 |" in text
    assert "- up: it does not listen" in text


def test_starts_are_compared_with_the_originals() -> None:
    made = [
        Start("slapos --help", OURS, 0.02, 0.03, 7),
        Start("slapos --help", THEIRS, 0.4, 0.5, 7),
        Start("autoexec --help", OURS, 0.025, 0.03, 7),
    ]
    text = render("2026-01-01", [], [], made, [])
    assert "| `slapos --help` | 20 | 30 | 400 | 1/20.0 |" in text
    assert "| `autoexec --help` | 25 | 30 | | |" in text


@pytest.mark.parametrize(
    ("words", "text"),
    [(["--masters", "proxy,what"], "'what'; allowed: original, proxy"), (["--sizes", "ten"], "whole numbers")],
)
def test_wrong_words_are_refused(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(words)
    assert text in capsys.readouterr().err
