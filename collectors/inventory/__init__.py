"""Inventory files: tables of the lake that any system able to write a file can hand over."""
