-- The arithmetic of the split (metering.md, rules 8 and 11), in integers. Operations and bytes
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
