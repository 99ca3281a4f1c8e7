from tests.unit.cli.display.story import T0, end, job, job_end, node, phase, phase_end, small_job, start

from pilothouse.cli.display.board import Board
from pilothouse.cli.display.hints import Hints
from pilothouse.cli.display.palette import plain
from pilothouse.cli.display.summary import summary
from pilothouse.engine import events
from pilothouse.jobs.states import State, Tally


def told(batch: list[events.Event], again: str = "", paths: dict[str, str] | None = None) -> list[str]:
    board = Board()
    board.fold_all(batch)
    return plain(summary(board, hints=Hints(again=again), paths=paths))


def test_a_failed_job() -> None:
    assert told(small_job(), "pilothouse job run deploy.json", {"logs": "/data/log", "status": "/data/status"}) == [
        "✗ job 4711 failed in 5.0 s",
        "  ✓ 1 ok   ↷ 1 skipped   ✗ 2 failed",
        "",
        "✗ 2 nodes: <node> gave exit code 1: web-[3-4]",
        "",
        "  logs    /data/log",
        "  status  /data/status",
        "",
        "  see why  pilothouse job logs 4711 10.0.0.4-22-4",
        "  resume   pilothouse job run deploy.json",
    ]


def test_a_job_that_succeeded() -> None:
    batch = [
        job(2),
        phase("a", 1),
        start("a", node(1)),
        end("a", node(1), at=T0 + 3),
        phase_end("a", State.SUCCEEDED, Tally(succeeded=1), at=T0 + 3),
        phase("b 验证", 1, at=T0 + 3),
        start("b 验证", node(1), at=T0 + 3),
        end("b 验证", node(1), at=T0 + 75),
        phase_end("b 验证", State.SUCCEEDED, Tally(succeeded=1), at=T0 + 75),
        job_end(State.SUCCEEDED, at=T0 + 75),
    ]
    assert told(batch) == [
        "✓ job 4711 succeeded in 1:15",
        "  ✓ 2 ok",
        "",
        "    phase   state       time  nodes",
        "  ✓ a       succeeded  3.0 s  1 ok",
        "  ✓ b 验证  succeeded   1:12  1 ok",
        "",
        "  see the job  pilothouse job show 4711",
    ]


def test_a_job_cut_short_says_so() -> None:
    lines = told([job(2), phase("a", 2), start("a", node(1), at=T0 + 1)])
    assert lines[0] == "■ job 4711 stopped before its end in 1.0 s"
    assert lines[-1] == "  try again  the same command again"


def test_a_paused_job_goes_on() -> None:
    assert told([job(2), job_end(State.PAUSED)])[-1] == "  go on  the same command again"


def test_many_nodes_and_reasons_are_cut() -> None:
    batch: list[events.Event] = [job(32), phase("a", 32)]
    batch += [end("a", node(number), State.FAILED, "connection refused") for number in range(1, 21)]
    batch += [end("a", node(number), State.FAILED, f"odd {number}") for number in range(21, 33)]
    lines = told(batch)
    assert "✗ 20 nodes: connection refused: web-[1-20]" in lines
    assert "  … and 3 nodes for 3 other reasons" in lines


def test_one_cause_on_many_nodes_is_one_reason_however_it_names_them() -> None:
    batch: list[events.Event] = [job(200), phase("a", 200)]
    for number in range(1, 201):
        it = node(number)
        said = f"{it.key}: [{it.host}]:22 refused the login of user 'app'"
        batch.append(end("a", it, State.FAILED, said))
    reasons = [line for line in told(batch) if line.startswith("✗ 2")]
    assert reasons == ["✗ 200 nodes: <node>: [<node>]:22 refused the login of user 'app': web-[1-50] and 150 more"]


def test_a_job_without_anything_to_do_says_so() -> None:
    assert told([job(0), job_end(State.SUCCEEDED)])[:3] == ["✓ job 4711 succeeded in 0.0 s", "  nothing to do", ""]
