"""``pilothouse:promise``: one of the promises of `pilothouse.promises`, for an instance."""

from pilothouse.files import write_atomic
from pilothouse.promises import KINDS
from pilothouse.recipes.part import Part, problem


class Promise(Part):
    """Writes a plugin: ``promise`` is a module of `pilothouse.promises`, all other options are its settings."""

    def install(self) -> list[str]:
        """Write the plugin."""
        kind = self.required("promise")
        if kind not in KINDS:
            raise problem(f"[{self.name}] there is no promise {kind!r}; there are: {', '.join(KINDS)}")
        text = (
            f"from pilothouse.promises.{kind} import RunPromise\n\n"
            f'__all__ = ["RunPromise"]\nextra_config_dict = {self.settings("promise")!r}\n'
        )
        target = self.folder / "etc" / "plugin" / f"{self.name}.py"
        write_atomic(target, text.encode())
        return [str(target)]
