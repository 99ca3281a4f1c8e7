"""What ``manager_list`` names: what is there, what is not there yet, what nobody knows (node spec, section 23)."""

import logging
from typing import Final

from pilothouse.node.configuration import Configuration
from pilothouse.node.errors import ConfigurationError

_log = logging.getLogger("slapos")
PRERM: Final = "prerm"
_NOT_YET: Final = frozenset({"portredir", "devperm", "whitelistfirewall", "cpuset"})


def check(config: Configuration) -> None:
    """Say what of the configuration is not heeded. Raises ConfigurationError for a manager that nobody knows."""
    for name in config.manager_list:
        if name in _NOT_YET:
            _log.warning("The manager %s is not there yet: nothing of what it does is done.", name)
        elif name != PRERM:
            raise ConfigurationError(f"manager_list names {name!r}, which is no manager", config.path)
    if "firewall" in config.sections:
        _log.warning("The section [firewall] of %s is not heeded: no rule is set.", config.path)
