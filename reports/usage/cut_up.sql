-- Frees what pieces were made of, once they are made: records need the memory.
DROP TABLE metered_interval;

DROP TABLE stream_group;

DROP TABLE stream_interval;

DROP TABLE stretch_rate;

DROP TABLE stretch_hour;
