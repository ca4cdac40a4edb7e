"""Explains a charge or a usage record: everything that it came from, made again on the way."""

from ioledger.sql_files import statements_of

statement = statements_of(__name__)
