"""The process that runs the promises of one partition, as the partition's user (node spec 13).

These modules run in the Python of the partition's software release, which may be older than ours and has none of our
libraries: they need the standard library and Python 3.8 only. The node's side is `pilothouse.node.promises`.
"""
