"""What the command line refuses and shows."""

import pytest
from benchmarks.cli import main


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "python -m benchmarks --quick" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nodes", "10,many"], "'many'; allowed: a whole number from 1"),
        (["--nodes", "2000"], "2000; allowed: up to 1000"),
        (["--runs", "0"], "'0'; allowed"),
        (["--peers", "floor,nobody"], "'nobody'; allowed: floor, pilothouse"),
        (["--scenarios", "w9"], "'w9'; allowed: w1, w2, w4, held, startup"),
    ],
)
def test_wrong_words_are_refused_with_what_is_allowed(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
