"""`make bench-rate`: how long it takes to charge and to export a month of usage records."""
