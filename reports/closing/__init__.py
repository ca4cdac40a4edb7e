"""Closing a billing month: what was billed is frozen, and what came late is corrected in the open month."""

from ioledger.sql_files import statements_of

statement = statements_of(__name__)
