"""Manager ``prerm``: scripts of ``etc/prerm`` end before their partition is destroyed (node spec, 23.3)."""

import logging
import time
from typing import TYPE_CHECKING, Final

from pilothouse.files import write_atomic
from pilothouse.node import destruction, identity, managers, supervision, supervisord

if TYPE_CHECKING:
    from pilothouse.node.partition import Partition

_log: Final = logging.getLogger("slapos")
_LIST: Final = ".slapos-report-wait-service-list"


class Manager(managers.Manager):
    """Has supervisord run the scripts, and says which ones are to be waited for."""

    def report(self, one: "Partition") -> None:
        """Start the scripts that were never started."""
        folder, name = one.place.folder, f"{one.place.name}-prerm"
        scripts = sorted(folder.joinpath("etc", "prerm").glob("*"))
        if not scripts or destruction.is_retained(folder, time.time()):
            return
        if bad := supervision.refused(scripts):
            # whoever named them so must not keep the partition from its end
            _log.warning("%s: etc/prerm is left out, for these are no names of programs: %s", one.place.name, bad)
            return
        status = folder.stat()
        account = identity.account_of(status.st_uid)
        programs = supervision.services(scripts, (), status.st_uid, status.st_gid)
        text = supervision.group_text(name, folder, programs, supervision.Account(account.name, account.home))
        changed = supervisord.written(one.node.group_file(name), text)
        write_atomic(folder / _LIST, "".join(f"{name}:{each.process_name}\n" for each in programs).encode())
        supervisord.start_new(one.node, one.supervisor, name, changed=changed)
