"""A lake in an object store, and the working copy of it on which commands work (docs/object-stores.md)."""
