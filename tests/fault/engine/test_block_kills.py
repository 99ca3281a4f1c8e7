"""Kills at every journal write of a job with IF and LOOP blocks: no turn is lost, none is repeated."""

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest
from tests.blocks import loop, native, when, words
from tests.fault.engine.conftest import Maker
from tests.fault.engine.test_kills import Doomed
from tests.jobs import Document, document, group, local_nodes, operation, phase

pytestmark = pytest.mark.kills_engines


def job_with_blocks(job_id: str, marks: Path) -> Document:
    """Return a job whose every operation depends on what blocks and variables an earlier run left."""
    mark = f'echo "$OPERATION_ID-$1" >> {marks}'
    make = operation("make", f'{mark}; printf \'{{"v": "%s"}}\' "$1" > "$OUTPUT_PATH"', output={"v": {}})
    make["arg"] = words("${item}")
    use = operation("use", f'[ "$1" = "$2" ] || exit 9; {mark}', "runner_target")
    use["arg"] = words("${p.make_1.v}", "${item}")
    end = operation("end", mark, arg=words("${p.make_1.loop.v}"))
    second = when("second", '$item = "b" and $CHOSEN = "yes"', [use], [])
    turns = loop("turns", "${LIST}", "item", make, second)
    return document(
        job_id,
        group(
            0,
            phase(
                "p",
                native("setenv", name="LIST", value='["a", "b"]'),
                native("setenv", name="CHOSEN", value="yes", scope="global", number=2),
                when("all", '$CHOSEN = "yes"', [turns, end], []),
            ),
        ),
    )


EXPECTED = Counter(["make_1-a", "make_1-b", "use_1-b", 'end_1-["a",', '"b"]'])


@pytest.mark.parametrize("when_killed", ["before", "after"])
def test_a_kill_at_each_write_repeats_no_turn_check_61(tmp_path: Path, maker: Maker, when_killed: str) -> None:
    for point in itertools.count(1):
        folder = tmp_path / f"{when_killed}-{point}"
        folder.mkdir()
        doomed = Doomed(maker, folder, job_with_blocks(f"5{point:03}{when_killed}", folder / "marks"), local_nodes(1))
        killed = doomed.run(point, when_killed) == -9
        assert doomed.run() == 0
        assert doomed.counts() == EXPECTED, f"killed {when_killed} write {point}"
        outputs = json.loads(next(doomed.data.rglob("output/127.0.0.1-7001-5001.json")).read_text("utf-8"))
        assert outputs["make_1.loop"] == [{"v": "a"}, {"v": "b"}]
        assert outputs["nodeEnv"] == {"LIST": '["a", "b"]'}
        if not killed:
            assert point > 12
            return
