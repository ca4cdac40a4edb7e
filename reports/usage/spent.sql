-- Frees what records were made of, once they are made.
DROP TABLE piece;
