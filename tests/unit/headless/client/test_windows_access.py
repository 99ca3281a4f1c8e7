"""Access lists of Windows as text: who of them may read (headless 5.3)."""

import pytest

from pilothouse.headless.client.windows_access import protection, strangers

ME = "S-1-5-21-1004336348-1177238915-682003330-1001"
OTHER = "S-1-5-21-1004336348-1177238915-682003330-1002"


@pytest.mark.parametrize(
    ("sddl", "expected"),
    [
        (f"O:{ME}D:P(A;;FR;;;{ME})", []),
        (f"O:{ME}D:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1200a9;;;{ME})", []),
        (f"O:{ME}D:AI(A;ID;FA;;;SY)(A;ID;0x1200a9;;;BU)", ["Users"]),
        (f"O:{ME}D:(A;;FR;;;WD)(A;;GA;;;AU)", ["Everyone", "Authenticated Users"]),
        (f"O:{ME}D:(A;;0x80000000;;;S-1-1-0)", ["Everyone"]),
        (f"O:{ME}D:(A;;FR;;;{OTHER})", [OTHER]),
        (f"O:{ME}D:(A;;FXFW;;;WD)(A;;0x1200a0;;;BU)", []),
        (f"O:{ME}D:(D;;FA;;;WD)(A;OICIIO;GA;;;BU)(A;;FR;;;{ME})", []),
        (f'O:{ME}D:(XA;;FR;;;WD;(@User.Project Any_of {{"a"}}))', ["Everyone"]),
        (f"O:{ME}D:NO_ACCESS_CONTROL", ["Everyone"]),
        (f"O:{ME}", ["Everyone"]),
        (f"O:{ME}D:P", []),
    ],
)
def test_who_may_read_besides_the_account(sddl: str, expected: list[str]) -> None:
    assert strangers(sddl, ME) == expected


def test_a_new_file_is_for_its_account_only() -> None:
    assert strangers(protection(ME), ME) == []
    assert strangers(protection(ME), OTHER) == [ME]
    assert protection(ME).startswith("D:P"), "inherits nothing"
