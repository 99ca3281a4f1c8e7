"""``python -m benchmarks.node``."""

import sys

from benchmarks.node.cli import main

sys.exit(main())
