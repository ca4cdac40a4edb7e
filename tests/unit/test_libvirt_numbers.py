"""The numbers that are written down instead of loading libvirt."""

from __future__ import annotations

import subprocess
import sys

import libvirt

from collectors.hypervisors import libvirt_numbers


def test_they_are_those_of_the_library() -> None:
    written = {name: value for name, value in vars(libvirt_numbers).items() if name.startswith("VIR_")}
    assert written == {name: getattr(libvirt, name) for name in written}


def test_the_collector_itself_loads_neither_libvirt_nor_pandas_nor_the_query_engine() -> None:
    code = """
import sys
from collectors.hypervisors import libvirt_kvm
from collectors.without_pandas import keep_pandas_out
import collectors.cli
keep_pandas_out()
import pyarrow
pyarrow.array([1])
print([name for name in ("libvirt", "pandas", "duckdb") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
