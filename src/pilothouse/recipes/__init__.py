"""What profiles of software releases and instances are made of: ``recipe = pilothouse:NAME`` (docs/releases.md).

zc.buildout makes a part's object when something refers to the part, and installs it later. A part that tells
others something does so when it is made; whatever changes the disk or the master's data waits until it is installed.
Only `pilothouse:request` asks the master at once, because others refer to what the answer holds.
"""
