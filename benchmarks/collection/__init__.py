"""`make bench-collect`: collection measured beside other readers of the same libvirt."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "tests" / "support"))  # guests for tests are guests for benchmarks
