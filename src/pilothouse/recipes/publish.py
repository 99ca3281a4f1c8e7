"""``pilothouse:publish``: connection parameters, for people and for the instance that requested this one."""

from pilothouse.recipes import master
from pilothouse.recipes.part import Part


class Publish(Part):
    """Tells the master all other options; what it has already is not told again."""

    def install(self) -> list[str]:
        """Publish."""
        instance, wanted = master.partition(self.buildout), self.settings()
        if instance.getConnectionParameterDict() != wanted:
            instance.setConnectionDict(wanted)
        return []
