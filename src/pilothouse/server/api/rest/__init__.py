"""Our own REST interface: ``/api/v1``, its document, and its stream of changes."""
