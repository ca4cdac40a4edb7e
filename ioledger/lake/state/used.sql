-- Usage records for rules that look at more than what holds at a time. What is judged may be shorter than what
-- must be looked at, as a moment is: then it is so many days that end with it.

-- The usage records of a kind that end in the period, or in `day_count` days before its end where those begin
-- earlier: one row per record.
CREATE OR REPLACE MACRO usage_within(record_kind, day_count, period_start, period_end) AS TABLE
    SELECT *
    FROM usage_record
    WHERE
        kind = record_kind
        AND window_end > least(period_start, period_end - to_days(day_count))
        AND window_end <= period_end;

-- The usage records of the period and of `day_count` days before it: one row per record.
CREATE OR REPLACE MACRO usage_back_to(day_count, period_start, period_end) AS TABLE
    SELECT *
    FROM usage_record
    WHERE window_end > period_start - to_days(day_count) AND window_start < period_end;
