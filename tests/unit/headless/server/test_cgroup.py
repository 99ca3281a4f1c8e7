"""Where a session's control group would be made."""

import pytest

from pilothouse.headless.shim.cgroup import base_of

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
V1 = "29 23 0:25 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
BOTH = f"{V1}30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 c rw\n"
INSIDE = "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"


@pytest.mark.parametrize(
    ("mounts", "own", "expected"),
    [
        (V2, "0::/\n", ("/sys/fs/cgroup", True)),
        (BOTH, "8:pids:/\n0::/\n", ("/sys/fs/cgroup/unified", True)),
        (V2, "0::/system.slice/ph.service\n", ("/sys/fs/cgroup/system.slice/ph.service", False)),
        (V2, "0::/system.slice/ph.service/server\n", ("/sys/fs/cgroup/system.slice/ph.service", True)),
        (INSIDE, "0::/docker/abc\n", ("/sys/fs/cgroup", True)),
        (INSIDE, "0::/docker/abc/server\n", ("/sys/fs/cgroup", True)),
        (V2, "0::/../outside\n", None),
        (V1, "8:pids:/\n0::/\n", None),
        (V2, "8:pids:/\n", None),
        ("", "", None),
    ],
)
def test_where_groups_are_made(mounts: str, own: str, expected: tuple[str, bool] | None) -> None:
    assert base_of(mounts, own) == expected
