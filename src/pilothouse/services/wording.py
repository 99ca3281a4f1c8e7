"""The words of statuses, which clients take apart by their first one (slapos-master 15.2)."""

from pilothouse.services.states import ReportedInstanceState, ReportedSoftwareState

_KEPT = 80  # characters of an error's end

NOBODY = "SlapOS Master"


def instance_status(state: ReportedInstanceState, text: str) -> str:
    """Return what is remembered when a node says this of an instance."""
    if state == "error":
        return f"#error while instanciating: {text[-_KEPT:]}"
    return text or f"#access Instance correctly {state}"


def software_status(state: ReportedSoftwareState, url: str) -> str:
    """Return what is remembered when a node says this of a release."""
    if state == "building":
        return f"#building software release {url}"
    if state == "available":
        return f"#access software release {url} available"
    return f"#error while installing {url}"


def bang_status(message: str) -> str:
    """Return what is remembered when somebody wants a whole tree or node processed again."""
    return f"#error bang called: {message}"


def no_data(reference: str) -> str:
    """Return what stands for a status that nobody ever set."""
    return f"#error no data found for {reference}"
