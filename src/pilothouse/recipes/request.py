"""``pilothouse:request``: another instance of the same tree, requested by the instance that is built."""

from typing import TYPE_CHECKING

from pilothouse.recipes import master
from pilothouse.recipes.part import Buildout, Options, Part, plain, problem

if TYPE_CHECKING:
    from pilothouse.slap.client import ComputerPartition


class Request(Part):
    """Requests ``title``, of ``software-type``, with ``parameter-NAME``, at a node that fits ``sla-NAME``.

    ``software-url`` is the release, if not the instance's own; the other one is stopped when this one is.
    What it publishes is told as ``connection-NAME``. As long as something of ``return`` is missing, ``ready`` is
    ``false``, and ``parts`` is ``parts-waiting`` instead of ``parts-ready``: the master has this instance processed
    again when the other one publishes.
    """

    def __init__(self, buildout: Buildout, name: str, options: Options) -> None:
        super().__init__(buildout, name, options)
        from pilothouse.slap.client import NotFoundError, ResourceNotReady  # noqa: PLC0415 - see master

        try:
            published = self._asked().getConnectionParameterDict()
        except ResourceNotReady:
            published = {}
        except NotFoundError:
            wanted = " ".join(f"{key}={value}" for key, value in self.named("sla-").items())
            raise problem(f"the master has no free partition for [{name}] {wanted}".rstrip()) from None
        for key in self.words("return"):
            self.options[f"connection-{key}"] = plain(published.get(key))
        ready = all(self.options[f"connection-{key}"] for key in self.words("return"))
        self.options["ready"] = str(ready).lower()
        parts = {known: options.get(f"parts-{known}", "") for known in ("ready", "waiting")}
        self.options["parts"] = parts["ready" if ready else "waiting"]

    def _asked(self) -> "ComputerPartition":
        return master.partition(self.buildout).request(
            self.options.get("software-url") or master.release_url(self.buildout),
            self.options.get("software-type", "default"),
            self.options.get("title") or self.name,
            partition_parameter_kw=self.named("parameter-"),
            filter_kw=self.named("sla-"),
            state=master.state(self.buildout),
        )
