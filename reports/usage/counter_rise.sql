-- What the counters of each disk rose by while some hours were: what its records have to add up to.
-- It rests on readings alone, on as few of them as tell it, and on none of the intervals, pieces and
-- streamed sums that records are made of, so that a mistake in those shows.

-- Readings of cumulative counters: one row per end of a span, per sample before the shown days or after
-- them that an interval goes to, and per sample of a sorted file that is near the first or the last
-- moment of the hours. Between two neighbours of a series lies one interval, or part of one stretch.
CREATE OR REPLACE TEMP VIEW reading AS
SELECT vm_id, device, epoch, sampled_at, COLUMNS('^((read|write|flush)_(ops|time_ns)|(read|write)_bytes)$')
FROM span
UNION ALL BY NAME
SELECT
    vm_id,
    device,
    epoch,
    last_sampled_at AS sampled_at,
    COLUMNS('^last_((?:read|write|flush)_(?:ops|time_ns)|(?:read|write)_bytes)$') AS '\1'
FROM span
WHERE last_sampled_at > sampled_at
UNION ALL BY NAME
SELECT
    day_stretch.vm_id,
    day_stretch.device,
    day_stretch.epoch,
    border_reading.* EXCLUDE (file_number, stretch)
FROM border_reading
JOIN day_stretch USING (file_number, stretch)
UNION ALL BY NAME
SELECT
    vm_id,
    device,
    epoch,
    opening_sampled_at AS sampled_at,
    COLUMNS('^opening_((?:read|write|flush)_(?:ops|time_ns)|(?:read|write)_bytes)$') AS '\1'
FROM (FROM edge_inside UNION ALL BY NAME FROM edge_after)
WHERE opening_sampled_at IS NOT NULL
UNION ALL BY NAME
SELECT vm_id, device, epoch, sampled_at, COLUMNS('^((read|write|flush)_(ops|time_ns)|(read|write)_bytes)$')
FROM edge_after;

-- One row per stretch of time between two neighbouring readings, per epoch from when it counts to its
-- first reading, and per sample that reports rates, with what the counters rose by in it.
CREATE OR REPLACE TEMP VIEW rise AS
WITH
-- one row per reading that has one before it in its series
paired AS (
    SELECT
        *,
        lag(sampled_at) OVER series AS before_sampled_at,
        lag(read_ops) OVER series AS before_read_ops,
        lag(write_ops) OVER series AS before_write_ops,
        lag(flush_ops) OVER series AS before_flush_ops,
        lag(read_bytes) OVER series AS before_read_bytes,
        lag(write_bytes) OVER series AS before_write_bytes,
        lag(read_time_ns) OVER series AS before_read_time_ns,
        lag(write_time_ns) OVER series AS before_write_time_ns,
        lag(flush_time_ns) OVER series AS before_flush_time_ns
    FROM reading
    WINDOW series AS (PARTITION BY vm_id, device, epoch ORDER BY sampled_at)
    QUALIFY before_sampled_at IS NOT NULL
),

-- the same, and whether a counter that both have is lower than before
told AS (
    SELECT
        *,
        coalesce(read_ops < before_read_ops, false)
        OR coalesce(write_ops < before_write_ops, false)
        OR coalesce(flush_ops < before_flush_ops, false)
        OR coalesce(read_bytes < before_read_bytes, false)
        OR coalesce(write_bytes < before_write_bytes, false)
        OR coalesce(read_time_ns < before_read_time_ns, false)
        OR coalesce(write_time_ns < before_write_time_ns, false)
        OR coalesce(flush_time_ns < before_flush_time_ns, false) AS restarted
    FROM paired
)

SELECT
    vm_id,
    device,
    before_sampled_at AS began_at,
    sampled_at AS ended_at,
    restarted::BIGINT AS resets,
    coalesce(CASE WHEN restarted THEN read_ops ELSE read_ops - before_read_ops END, 0) AS read_ops,
    coalesce(CASE WHEN restarted THEN write_ops ELSE write_ops - before_write_ops END, 0) AS write_ops,
    coalesce(CASE WHEN restarted THEN flush_ops ELSE flush_ops - before_flush_ops END, 0) AS flush_ops,
    coalesce(CASE WHEN restarted THEN read_bytes ELSE read_bytes - before_read_bytes END, 0) AS read_bytes,
    coalesce(CASE WHEN restarted THEN write_bytes ELSE write_bytes - before_write_bytes END, 0) AS write_bytes
FROM told
UNION ALL BY NAME
SELECT
    vm_id,
    device,
    counts_from AS began_at,
    sampled_at AS ended_at,
    was_there::BIGINT AS resets,
    COLUMNS(['read_ops', 'write_ops', 'read_bytes', 'write_bytes']),
    coalesce(flush_ops, 0) AS flush_ops
FROM (FROM edge_inside UNION ALL BY NAME FROM edge_after)
WHERE counts_from IS NOT NULL
UNION ALL BY NAME
SELECT
    vm_id,
    device,
    window_start AS began_at,
    sampled_at AS ended_at,
    0::BIGINT AS resets,
    COLUMNS(['read_ops', 'write_ops', 'read_bytes', 'write_bytes']),
    coalesce(flush_ops, 0) AS flush_ops
FROM raw_sample
WHERE window_start < sampled_at;

-- The part of an amount of (began_at, ended_at] that the hours of a run get: all of it, unless a border of
-- theirs cuts it (metering.md, rule 8).
CREATE OR REPLACE TEMP MACRO share_of(amount, is_whole, since_us, until_us, all_us) AS
    CASE
        WHEN is_whole THEN amount::HUGEINT
        ELSE amount::HUGEINT * until_us // all_us - amount::HUGEINT * since_us // all_us
    END;

-- One row per disk and run of hours that follow one another without a break.
CREATE OR REPLACE TEMP TABLE risen AS
WITH
-- one row per rise and run of hours that it touches
placed AS (
    SELECT
        rise.*,
        hour_run.run_start,
        greatest(began_at, run_start) AS since,
        least(ended_at, run_end) AS until,
        began_at >= run_start AND ended_at <= run_end AS is_whole,
        epoch_us(since) - epoch_us(began_at) AS since_us,
        epoch_us(until) - epoch_us(began_at) AS until_us,
        epoch_us(ended_at) - epoch_us(began_at) AS all_us
    FROM rise
    JOIN hour_run ON rise.began_at < hour_run.run_end AND rise.ended_at > hour_run.run_start
)

SELECT
    vm_id,
    device,
    run_start,
    min(since) AS since,
    max(until) AS until,
    sum(share_of(read_ops, is_whole, since_us, until_us, all_us)) AS read_ops,
    sum(share_of(write_ops, is_whole, since_us, until_us, all_us)) AS write_ops,
    sum(share_of(flush_ops, is_whole, since_us, until_us, all_us)) AS flush_ops,
    sum(share_of(read_bytes, is_whole, since_us, until_us, all_us)) AS read_bytes,
    sum(share_of(write_bytes, is_whole, since_us, until_us, all_us)) AS write_bytes,
    sum(until_us - since_us) AS lasted_us,
    sum(CASE WHEN until = ended_at THEN resets ELSE 0 END) AS resets
FROM placed
WHERE until_us > since_us
GROUP BY vm_id, device, run_start;
