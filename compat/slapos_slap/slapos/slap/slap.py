"""`slapos.slap.slap`, where the classes have always been, served by Pilothouse."""

from pilothouse.slap.client import *  # noqa: F403 - the module is another name for that one
