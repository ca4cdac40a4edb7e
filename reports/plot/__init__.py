"""Draws what one disk did over time, beside what limited it: as an SVG picture, or in the terminal."""

from ioledger.sql_files import statements_of

statement = statements_of(__name__)
