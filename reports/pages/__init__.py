"""What pages for people have in common: their looks, how numbers are written, and how pages are published."""
