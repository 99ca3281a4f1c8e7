"""The deployment context: variables that follow from ``DEPLOY_PATH`` (spec section 1.8). Pure."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pilothouse.jobs.references import as_text

_NAMES: Final = ("SYS_NAME", "MODULE_NAME", "ENV_NAME")
_IDS: Final = ("SYS_ID", "MODULE_ID", "ENV_ID")
_INPUTS: Final = ("DEPLOY_PATH", "DEPLOY_ID_PATH", "DEPLOY_RUNNERGROUP", "VERSION", "BUILD_NO")


def inputs(environment: Mapping[str, Any], process: Mapping[str, str]) -> dict[str, str]:
    """Return what is given: by the job's environment, else by the process's."""
    found = {name: environment.get(name) or process.get(name) for name in _INPUTS}
    return {
        name: as_text(value).strip("/") if name.endswith("PATH") else as_text(value)
        for name, value in found.items()
        if value
    }


def names(given: Mapping[str, str]) -> dict[str, str]:
    """Return the names of system, module and environment in ``DEPLOY_PATH``; nothing without it."""
    return dict(zip(_NAMES, given.get("DEPLOY_PATH", "").split("/"), strict=False)) if "DEPLOY_PATH" in given else {}


def context(given: Mapping[str, str], data: Path, home: str) -> dict[str, str]:
    """Return every variable of the context; nothing when the job deploys nothing."""
    if "DEPLOY_PATH" not in given:
        return {}
    found = {**given, "NAME_PATH": given["DEPLOY_PATH"], **names(given)}
    if home:
        found["TOOLS_PATH"] = str(Path(home) / "tools")
    if "DEPLOY_ID_PATH" not in given:
        return found
    ids = dict(zip(_IDS, given["DEPLOY_ID_PATH"].split("/"), strict=False))
    found |= {"ID_PATH": given["DEPLOY_ID_PATH"], **ids}
    if "MODULE_ID" in ids:
        found |= _paths(data.absolute() / "verdata" / ids["SYS_ID"] / ids["MODULE_ID"], found)
    return found


def _paths(root: Path, known: Mapping[str, str]) -> dict[str, str]:
    version = root / "artifact" / known.get("VERSION", "")
    found = {
        "DATA_PATH": root,
        "PRJ_ROOT": root / "workspace",
        "PRJ_PATH": root / "workspace" / "project",
        "MIRROR_ROOT": root / "artifact" / "mirror",
    }
    if "VERSION" in known:
        found |= {"VER_ROOT": version, "BUILD_ROOT": version / "build", "DIST_ROOT": version / "env"}
        if "BUILD_NO" in known:
            found["BUILD_PATH"] = version / "build" / known["BUILD_NO"]
        if "ENV_ID" in known:
            found["APP_DIST"] = version / "env" / known["ENV_ID"] / "app"
            found["DB_SCRIPT"] = version / "env" / known["ENV_ID"] / "db"
    return {name: str(path) for name, path in found.items()}


def id_path(answer: Mapping[str, Any]) -> str:
    """Return ``DEPLOY_ID_PATH`` from the server's answer to the names."""
    return "/".join(str(answer[key]) for key in ("sysId", "moduleId", "envId") if answer.get(key) is not None)


def runner_group(answer: Any) -> str:
    """Return ``DEPLOY_RUNNERGROUP`` from the server's answer to the ids."""
    return json.dumps(answer, ensure_ascii=False)
