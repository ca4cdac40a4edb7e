"""Pages of the reference that are made from the code: commands, configuration, errors."""
