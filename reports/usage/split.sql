-- The arithmetic of the split (metering.md, rules 8 and 11), in integers. Operations and bytes
-- are amounts over `lasted_us`; a limit that is not set is NULL.

-- The share of an amount up to a moment of its interval, in microseconds since the start, rounded down.
-- What fits into 64 bits is divided there, several times faster; most intervals are whole anyway.
CREATE OR REPLACE TEMP MACRO share_until(amount, until_us, duration_us) AS
    CASE
        WHEN until_us = 0 THEN 0
        WHEN until_us = duration_us THEN amount
        WHEN amount BETWEEN 0 AND 10000000000 AND duration_us <= 900000000 THEN amount * until_us // duration_us
        ELSE (amount::HUGEINT * until_us // duration_us)::BIGINT
    END;

-- The part of an amount that falls between two moments of an interval: the difference of two shares, so
-- that the parts add up exactly.
CREATE OR REPLACE TEMP MACRO part_of(amount, from_us, to_us, duration_us) AS
    share_until(amount, to_us, duration_us) - share_until(amount, from_us, duration_us);

-- The operations that a guarantee of so many a second covers, in the wider type of the two.
CREATE OR REPLACE TEMP MACRO guaranteed_of(ops, guaranteed_iops, lasted_us) AS
    least(ops, guaranteed_iops * lasted_us // 1000000);

-- The operations above a ceiling of so many a second, of those that no guarantee covers.
CREATE OR REPLACE TEMP MACRO burst_of(ops, guaranteed_ops, ceiling_iops, lasted_us) AS
    coalesce(
        least(ops - guaranteed_ops, greatest(0, ops - (ceiling_iops * lasted_us + 999999) // 1000000)), 0
    );
