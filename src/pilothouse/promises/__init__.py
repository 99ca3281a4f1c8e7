"""Promises that many instances have; profiles use them by ``recipe = pilothouse:promise`` (docs/releases.md).

They run in the Python of the software release: the standard library and Python 3.8 only. Settings are texts.
A program that was deployed a moment ago may need a while, so what listens is given ``patience`` seconds to answer.
"""

KINDS = ("disk", "log", "page", "port")
