"""What reading all of a large control plane costs, from servers of the tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tests" / "support"))  # servers for tests are servers for benchmarks
