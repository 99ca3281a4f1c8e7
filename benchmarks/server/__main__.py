"""``python -m benchmarks.server``."""

import sys

from benchmarks.server.cli import main

sys.exit(main())
