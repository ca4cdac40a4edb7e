-- The arithmetic of the split (metering.md, rules 8, 11 and 12), in integers. Operations and bytes
-- are amounts over `lasted_us`; a limit that is not set is NULL.

-- The part of an amount that falls between two moments of an interval, each given as microseconds
-- since its start: the difference of two shares rounded down, so that the parts add up exactly.
CREATE OR REPLACE TEMP MACRO part_of(amount, from_us, to_us, duration_us) AS (
    amount::HUGEINT * to_us // duration_us - amount::HUGEINT * from_us // duration_us
)::BIGINT;

-- The operations that a guarantee of so many a second covers, in the wider type of the two.
CREATE OR REPLACE TEMP MACRO guaranteed_of(ops, guaranteed_iops, lasted_us) AS
    least(ops, guaranteed_iops * lasted_us // 1000000);

-- The operations above a ceiling of so many a second, of those that no guarantee covers.
CREATE OR REPLACE TEMP MACRO burst_of(ops, guaranteed_ops, ceiling_iops, lasted_us) AS
    coalesce(
        least(ops - guaranteed_ops, greatest(0, ops - (ceiling_iops * lasted_us + 999999) // 1000000)), 0
    );

-- Whether an amount over a time reaches 95 % of a cap per second; in integers, without a division.
CREATE OR REPLACE TEMP MACRO is_at_cap(amount, cap, lasted_us) AS
    CASE WHEN cap IS NULL THEN false ELSE amount::HUGEINT * 100000000 >= cap::HUGEINT * 95 * lasted_us END;

-- The same for a cap on operations that counts a large request as several.
CREATE OR REPLACE TEMP MACRO is_at_cap_by_size(bytes, io_size, cap, lasted_us) AS
    CASE
        WHEN cap IS NULL OR coalesce(io_size, 0) = 0 THEN false
        ELSE bytes::HUGEINT * 100000000 // io_size >= cap::HUGEINT * 95 * lasted_us
    END;

-- Whether a disk that did something came near one of its caps; `cap` has the columns of a sample's caps.
CREATE OR REPLACE TEMP MACRO is_near_cap(read_ops, write_ops, read_bytes, write_bytes, cap, lasted_us) AS
    (read_ops > 0 OR write_ops > 0 OR read_bytes > 0 OR write_bytes > 0)
    AND (
        is_at_cap(read_ops::HUGEINT + write_ops, cap.cap_total_iops, lasted_us)
        OR is_at_cap(read_ops, cap.cap_read_iops, lasted_us)
        OR is_at_cap(write_ops, cap.cap_write_iops, lasted_us)
        OR is_at_cap_by_size(read_bytes::HUGEINT + write_bytes, cap.cap_io_size, cap.cap_total_iops, lasted_us)
        OR is_at_cap_by_size(read_bytes, cap.cap_io_size, cap.cap_read_iops, lasted_us)
        OR is_at_cap_by_size(write_bytes, cap.cap_io_size, cap.cap_write_iops, lasted_us)
        OR is_at_cap(read_bytes::HUGEINT + write_bytes, cap.cap_total_bps, lasted_us)
        OR is_at_cap(read_bytes, cap.cap_read_bps, lasted_us)
        OR is_at_cap(write_bytes, cap.cap_write_bps, lasted_us)
    );
