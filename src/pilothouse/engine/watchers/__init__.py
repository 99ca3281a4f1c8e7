"""Observers of the event stream that write the documented files: status, logs, console, inputs."""
