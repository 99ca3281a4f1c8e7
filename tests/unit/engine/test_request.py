"""Reading a job and its nodes from files (spec sections 2.7 and 2.8)."""

import json
from pathlib import Path

import pytest
from tests.unit.jobs.documents import NODE, PUBLISHED, PUBLISHED_NODES

from pilothouse.engine.request import read_job
from pilothouse.errors import DocumentError, UsageError


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_published_samples_are_read_with_and_without_byte_order_mark(tmp_path: Path, mark: bytes) -> None:
    params, nodes = tmp_path / "params.json", tmp_path / "nodes.json"
    params.write_bytes(mark + PUBLISHED.encode())
    nodes.write_bytes(mark + PUBLISHED_NODES.encode())
    job, found = read_job(params, nodes)
    assert (job.id, len(found.nodes)) == ("624490098515988", 3)
    assert read_job(params, nodes, job_id="7")[0].id == "7"


def test_nodes_may_stand_in_the_document(tmp_path: Path) -> None:
    params = tmp_path / "params.json"
    params.write_text(json.dumps({**json.loads(PUBLISHED), "runNode": [NODE, {**NODE, "resourceId": 1}]}))
    assert [node.resource_id for node in read_job(params, None)[1].nodes] == [5000, 1]


def test_a_job_for_targets_without_nodes_is_refused(tmp_path: Path) -> None:
    params = tmp_path / "params.json"
    params.write_text(PUBLISHED)
    with pytest.raises(DocumentError, match=r"\$\.runNode: no node"):
        read_job(params, None)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    params = tmp_path / "params.json"
    with pytest.raises(UsageError, match=r"params\.json: cannot be read"):
        read_job(params, None)
    params.write_bytes(b'{"tenant": "\xff"}')
    with pytest.raises(DocumentError, match="no UTF-8"):
        read_job(params, None)
