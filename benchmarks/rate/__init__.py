"""`make bench-rate`: how long it takes to charge a month of usage records."""
