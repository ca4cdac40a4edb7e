"""The demo: a synthetic fleet whose true usage is known, through the whole pipeline."""
