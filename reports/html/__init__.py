"""The report of a billing month: one HTML file for operators and finance, built from the lake."""

from ioledger.sql_files import statements_of

statement = statements_of(__name__)
