"""ansible-playbook over the ssh program, pipelined; with the system's ssh as it is, and with a cheap key exchange."""

import re
import sys
from pathlib import Path
from typing import Final

from benchmarks.measure import Order
from benchmarks.peers import environments
from benchmarks.peers.contract import Task, base_environ
from benchmarks.places import ENVIRONMENTS

_VERSION: Final = "2.19.14"
_RECAP: Final = r"ok={operations} .*unreachable=0 +failed=0"
_REMOTE_PYTHON: Final = "/usr/bin/python3"


def inventory(task: Task) -> str:
    """Return the text of the inventory file."""
    targets = task.targets
    python = _REMOTE_PYTHON if Path(_REMOTE_PYTHON).exists() else sys.executable
    settings = (
        f"ansible_port={targets.port}",
        f"ansible_user={targets.user}",
        f"ansible_ssh_private_key_file={targets.key}",
        f"ansible_python_interpreter={python}",
    )
    return "\n".join((*task.hosts, "[all:vars]", *settings)) + "\n"


def playbook(task: Task) -> str:
    """Return the text of the playbook: a task for each operation, which fails when the lines are not there."""
    head = "- hosts: all\n  gather_facts: false\n  tasks:\n"
    if not task.scenario.uploads:
        return head + f"    - command: '{task.scenario.command}'\n" * task.scenario.operations
    check = f"      failed_when: done.rc != 0 or done.stdout_lines | length != {task.scenario.lines}\n"
    return f"{head}    - script: {task.targets.script}\n      register: done\n{check}"


class Ansible:
    """ansible-playbook; ``ssh_options`` are further words for every ssh it starts."""

    most_hosts: int | None = 100

    def __init__(self, name: str, about: str, ssh_options: str = "") -> None:
        self.name = name
        self.about = f"ansible-core {_VERSION}, {about}"
        self._ssh_options = ssh_options

    def prepare(self) -> None:
        """Install ansible-core."""
        environments.ensure("ansible", f"ansible-core=={_VERSION}")

    def order(self, task: Task) -> Order:
        """Write inventory and playbook, and call ansible-playbook."""
        task.file("inventory", inventory(task))
        task.file("play.yml", playbook(task))
        task.file("ansible.cfg", "")
        environ = base_environ(task) | self._settings(task)
        binaries = ENVIRONMENTS / "ansible" / "bin"
        environ["PATH"] = f"{binaries}:{environ['PATH']}"
        command = (str(binaries / "ansible-playbook"), "-i", "inventory", "play.yml")
        return Order(command, environ, str(task.folder), task.limit)

    def succeeded(self, task: Task, order: Order) -> int:
        """Count the good lines of the recap."""
        return len(re.findall(_RECAP.format(operations=task.scenario.operations), order.stdout.read_text()))

    def _settings(self, task: Task) -> dict[str, str]:
        control = "-o ControlMaster=auto -o ControlPersist=60s"
        return {
            "ANSIBLE_CONFIG": str(task.folder / "ansible.cfg"),
            "ANSIBLE_HOME": str(task.folder / "home"),
            "ANSIBLE_LOCAL_TEMP": str(task.folder / "local"),
            "ANSIBLE_REMOTE_TMP": str(task.targets.scratch / "ansible"),
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_FORKS": str(task.concurrency),
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_SSH_ARGS": f"-F {task.targets.ssh_config} {control} {self._ssh_options}".strip(),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(task.folder / "cp"),
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_DEPRECATION_WARNINGS": "False",
            "ANSIBLE_TIMEOUT": "120",
        }


CHEAP: Final = Ansible(
    "ansible-curve25519", "pipelined, ssh with curve25519 key exchange", "-o KexAlgorithms=curve25519-sha256"
)
SHIPPED: Final = Ansible("ansible", "pipelined, ssh as the system ships it")
