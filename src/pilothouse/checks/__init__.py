"""PURE: one check object (sense, test, anomaly): promise, gate between rounds, monitor.

These modules are also imported by the Python of a software release, which may be older than ours and has none of our
libraries: they need the standard library and Python 3.8 only.
"""
