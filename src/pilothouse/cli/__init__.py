"""The commands: one module each, imported only when called."""

import atexit
import gc

# A command makes many objects that stay and hardly any circles. Looking for circles every 700 objects, as is usual, and
# once more among all of them at the end, is a fifth of its start-up. Those of a long run are still found, only later:
# loading a job's modules makes 35,000 objects, and each look at as many takes 8 ms.
gc.set_threshold(60_000, 50, 100)
atexit.register(gc.freeze)
