"""What ioledger can find out about the machine and the lake that it works with, and how to mend what is wrong.

Each module is an area. Its function ``checks`` is an entry point of the group ``ioledger.health``, is handed the
``App`` and gives the area's checks; the areas above the ground floor have modules of the same form. The functions
beside it judge one thing each, by facts that they are handed.
"""
