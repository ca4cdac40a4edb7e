"""Programs that run with the Python in which Gnocchi and CloudKitty are installed, and know nothing of ioledger."""
