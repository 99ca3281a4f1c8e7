"""What the kernel is asked about quotas."""

import struct
from pathlib import Path

import pytest

from pilothouse.node import quotas

MOUNTS = (
    "22 28 0:20 / /proc rw - proc proc rw\n"
    "31 28 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    "40 31 8:17 / /srv/with\\040blank rw - xfs /dev/disk\\040b rw,usrquota\n"
)


def test_the_device_of_a_directory_is_found_by_its_number() -> None:
    assert quotas.device_of(8 << 8 | 1, MOUNTS) == "/dev/sda1"
    assert quotas.device_of(8 << 8 | 17, MOUNTS) == "/dev/disk b"
    assert quotas.device_of(9 << 8 | 1, MOUNTS) is None


def test_both_limits_of_space_are_set_in_blocks_and_nothing_else() -> None:
    fields = struct.unpack("=8QI", quotas.request(1025))
    assert fields == (2, 2, 0, 0, 0, 0, 0, 0, 1)


def test_a_file_system_without_quotas_says_so() -> None:
    with pytest.raises(quotas.NoQuotaError, match="/proc: its file system has no quotas"):
        quotas.used(Path("/proc"), 0)
