"""What usage costs: rate cards, and exact arithmetic of money."""
