"""What a query writes to stdout are its rows."""

from __future__ import annotations

import subprocess
import sys

ASKING = """
from ioledger.lake import connections
first = connections.new()
draws = "SELECT current_setting('enable_progress_bar') AND current_setting('enable_progress_bar_print')"
for each in (first, connections.cursor_of(first)):
    print(each.sql(draws).fetchall())
"""


def test_a_slow_query_draws_no_progress_between_the_rows_of_an_interactive_python() -> None:
    told = subprocess.run([sys.executable, "-c", ASKING], capture_output=True, text=True, check=True)
    assert told.stdout == "[(False,)]\n[(False,)]\n"
