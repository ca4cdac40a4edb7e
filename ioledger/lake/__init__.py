"""The lake: Parquet files in partitions, written run by run and read as DuckDB views."""
