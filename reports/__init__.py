"""Money: usage records and what is made of them, in SQL over the lake."""
