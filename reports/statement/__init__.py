"""Statements: what an account is charged for a billing month and what it used, as a page to read and to print."""
