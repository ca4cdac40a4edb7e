"""`make bench-check`: how long checks take, on lakes whose defects are known."""
