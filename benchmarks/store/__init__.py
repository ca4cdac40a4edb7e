"""What a lake in an object store costs beside one in a directory: ``make bench-store``."""

import sys
from pathlib import Path

sys.path.append(
    str(Path(__file__).parents[2] / "tests" / "support")
)  # the server for tests is the server for benchmarks
