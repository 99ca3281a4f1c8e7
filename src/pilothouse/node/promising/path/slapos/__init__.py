"""The names by which plugins of SlapOS import what they extend; further parts may come with the plugins."""

from pilothouse.node.promising.portions import Portions

__path__ = Portions(__name__, __path__[0])
