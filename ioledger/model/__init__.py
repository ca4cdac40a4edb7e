"""The vocabulary: columns, tables, records and periods; it knows nothing of files."""
