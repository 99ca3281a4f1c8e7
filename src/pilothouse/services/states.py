"""What may be asked of an instance or a release, and what a node may say of it (slapos-master 6.4)."""

from typing import Final, Literal

InstanceState = Literal["started", "stopped", "destroyed"]
SoftwareState = Literal["available", "destroyed"]
ReportedInstanceState = Literal["", "started", "stopped", "destroyed", "error"]
ReportedSoftwareState = Literal["", "building", "available", "destroyed", "error"]

INSTANCE_STATES: Final = ("started", "stopped", "destroyed")
SOFTWARE_STATES: Final = ("available", "destroyed")
DEFAULT_SOFTWARE_TYPE: Final = "default"
OLD_DEFAULT_SOFTWARE_TYPE: Final = "RootSoftwareInstance"
