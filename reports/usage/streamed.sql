-- What the files that are streamed give, empty at first; stream_group.sql and stream_interval.sql say
-- what a row is.
CREATE OR REPLACE TABLE stream_group (
    file_number BIGINT,
    stretch BIGINT,
    hour BIGINT,
    first_us BIGINT,
    last_us BIGINT,
    first_read_ops BIGINT,
    last_read_ops BIGINT,
    first_write_ops BIGINT,
    last_write_ops BIGINT,
    first_flush_ops BIGINT,
    last_flush_ops BIGINT,
    first_read_bytes BIGINT,
    last_read_bytes BIGINT,
    first_write_bytes BIGINT,
    last_write_bytes BIGINT,
    guaranteed_ops BIGINT,
    burst_ops BIGINT,
    at_cap_us BIGINT
);

CREATE OR REPLACE TABLE stream_interval (
    file_number BIGINT,
    stretch BIGINT,
    interval_start TIMESTAMPTZ,
    interval_end TIMESTAMPTZ,
    read_ops BIGINT,
    write_ops BIGINT,
    flush_ops BIGINT,
    read_bytes BIGINT,
    write_bytes BIGINT
);
