"""What usage costs: rate cards, the lines of a bill, and exact arithmetic of money."""

from ioledger.sql_files import statements_of

statement = statements_of(__name__)
