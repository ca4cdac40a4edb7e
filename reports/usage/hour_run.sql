-- The hours that are built, joined where they follow one another without a break: one row per run of hours.
CREATE OR REPLACE TEMP TABLE hour_run AS
SELECT unnest($starts::TIMESTAMPTZ[]) AS run_start, unnest($ends::TIMESTAMPTZ[]) AS run_end;
