"""Exports: the usage records or charges of a billing month, for programs other than this one."""

from ioledger.sql_files import statements_of

statement = statements_of(__name__)
