"""Libraries beside stored scripts."""

import io
import tarfile
from pathlib import Path

from pilothouse.engine.libraries import libraries


def store(folder: Path, number: str, name: str, content: bytes, *uses: str) -> Path:
    path = folder / name
    path.write_bytes(content)
    path.with_name(name + ".lib").write_text(",".join(uses))
    (folder / number).symlink_to(name)
    return path


def test_libraries_come_over_all_levels_and_cycles_end(tmp_path: Path) -> None:
    script = store(tmp_path, "1", "9.main.sh", b"main", "2")
    store(tmp_path, "2", "9.one.sh", b"one", "3", "404")
    store(tmp_path, "3", "9.two.py", b"two", "2", "1")
    assert libraries(script) == {"one.sh": b"one", "two.py": b"two", "main.sh": b"main"}
    assert libraries(tmp_path / "1") == libraries(script)


def test_archives_come_as_their_members_and_nothing_leads_out(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("./lib/a.py", "../evil", "/etc/evil"):
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, io.BytesIO(b"x"))
    script = store(tmp_path, "1", "9.main.sh", b"main", "2")
    store(tmp_path, "2", "9.pack.tar", packed.getvalue())
    assert libraries(script) == {"lib/a.py": b"x"}


def test_a_script_without_list_needs_nothing(tmp_path: Path) -> None:
    (tmp_path / "s.sh").write_text("true")
    assert libraries(tmp_path / "s.sh") == {}
