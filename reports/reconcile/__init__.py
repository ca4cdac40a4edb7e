"""Our usage beside that of another system, volume by volume and day by day, and why they differ."""

from ioledger.sql_files import statements_of

statement = statements_of(__name__)
