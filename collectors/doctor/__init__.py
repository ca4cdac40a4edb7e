"""What ioledger can find out about its own surroundings: what does not fit together, and how to mend it."""

from ioledger.sql_files import statements_of

statement = statements_of(__name__)
