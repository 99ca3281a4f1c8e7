"""A firewall that keeps its permanent rules in a file, and writes down what it is told."""

import shlex
from pathlib import Path

from tests.namespaces import program

_TEXT = """
echo "$*" >> {folder}/calls
state={folder}/state
touch $state
[ "$1 $2" = '--permanent --direct' ] || {{ echo success; exit 0; }}
action=$3
shift 3
kind=${{action##*-}}
case $action in
  --query-*) if grep -qxF -- "$kind $*" $state; then echo yes; else echo no; exit 1; fi;;
  --add-*) echo "$kind $*" >> $state; echo success;;
  --remove-rules) grep -v -- "^rule $* " $state > $state.new; mv $state.new $state; echo success;;
  --remove-*) grep -vxF -- "$kind $*" $state > $state.new; mv $state.new $state; echo success;;
esac
"""


class Recorded:
    """The firewall of one test; ``lines`` are for ``slapos.cfg``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        folder.chmod(0o777)
        self._folder = folder
        command = program(folder, "firewall-cmd", _TEXT.format(folder=shlex.quote(str(folder))))
        self.lines = ("[firewall]", f"firewall_cmd = {command}", f"reload_config_cmd = {command} --reload")

    def rules(self) -> set[str]:
        """Return the rules and chains that there are."""
        path = self._folder / "state"
        return set(path.read_text().splitlines()) if path.exists() else set()

    def calls(self) -> list[str]:
        """Return what it was told since the last time."""
        path = self._folder / "calls"
        found = path.read_text().splitlines() if path.exists() else []
        path.write_text("")
        return found

    def lose(self) -> None:
        """Forget all rules, as a firewall does whose files were restored."""
        (self._folder / "state").unlink()
