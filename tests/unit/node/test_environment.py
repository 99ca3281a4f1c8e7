"""What programs of releases and partitions see of the environment."""

from pilothouse.node.environment import cleaned, without_ours


def test_no_setting_of_ours_reaches_programs_of_partitions() -> None:
    given = {"PILOTHOUSE_PASSWORD_KEY": "secret", "PATH": "/bin", "PYTHONPATH": "/x", "HOME": "/root"}
    assert cleaned(given, "/home/p") == {"PATH": "/bin", "HOME": "/home/p", "PYTHONNOUSERSITE": "true"}
    assert "PILOTHOUSE_PASSWORD_KEY" not in without_ours(given)
