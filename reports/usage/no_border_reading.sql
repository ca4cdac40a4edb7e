-- No samples near borders yet, with the columns that there will be: one row per sample.
CREATE OR REPLACE TEMP TABLE border_reading AS
SELECT
    NULL::BIGINT AS file_number,
    NULL::BIGINT AS stretch,
    NULL::TIMESTAMPTZ AS sampled_at,
    COLUMNS('^((read|write|flush)_(ops|time_ns)|(read|write)_bytes)$')
FROM raw_sample
WHERE false;
