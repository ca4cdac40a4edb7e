"""What monitoring is told: numbers about the lake in Prometheus' text format, none of them of one guest or volume."""

from ioledger.sql_files import statements_of

statement = statements_of(__name__)
