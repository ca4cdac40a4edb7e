-- Frees what records were made of, once they are made.
DROP TABLE piece;

DROP TABLE metered_interval;

DROP TABLE stream_group;

DROP TABLE stream_interval;

DROP TABLE stretch_rate;

DROP TABLE stretch_hour;
