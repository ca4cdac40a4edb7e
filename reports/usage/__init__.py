"""Usage records: what each disk did and what each volume held, hour by hour, as metering.md says."""

from ioledger.sql_files import statements_of

statement = statements_of(__name__)
