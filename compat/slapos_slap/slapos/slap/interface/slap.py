"""`slapos.slap.interface.slap`: typing protocols in the place of zope interfaces."""

from pilothouse.slap.client.interfaces import *  # noqa: F403 - the module is another name for that one
