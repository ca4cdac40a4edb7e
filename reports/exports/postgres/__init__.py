"""Windows of usage and charges in a PostgreSQL database: its schema `ioledger`, and how a window is replaced."""

from ioledger.sql_files import statements_of

statement = statements_of(__name__)
