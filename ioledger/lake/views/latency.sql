-- How long requests took, and how many were under way at a time.

-- The average time of an operation in microseconds, with three decimals, rounded down; NULL without
-- operations.
CREATE MACRO latency_us_of(time_ns, ops) AS
    (time_ns // nullif(ops, 0))::DECIMAL(19, 0) * 0.001;

-- One row per interval, with all that is known of it. What follows from a time that a sample lacks is
-- NULL: what nobody measured must look neither fast nor idle.
CREATE VIEW latency AS
SELECT
    interval.*,
    latency_us_of(read_time_ns, read_ops) AS read_latency_us,
    latency_us_of(write_time_ns, write_ops) AS write_latency_us,
    -- Little's law: on average as many reads and writes were under way as their times add up to the time
    -- that passed. Flushes are left out, for neither caps nor minimums count them.
    ((read_time_ns::HUGEINT + write_time_ns) * 1000 // duration_us)::DECIMAL(30, 0) * 0.000001 AS queue_depth
FROM interval;
