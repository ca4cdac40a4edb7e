"""Sub-commands that belong to no area: they set up and look after the lake."""
