-- One row per table and billing period: what was exported last.
INSERT INTO ioledger.export (
    table_name, billing_period, period_start, period_end, status, row_count, totals, provenance, exported_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8::text::jsonb, now())
ON CONFLICT (table_name, billing_period) DO UPDATE SET
    period_start = excluded.period_start,
    period_end = excluded.period_end,
    status = excluded.status,
    row_count = excluded.row_count,
    totals = excluded.totals,
    provenance = excluded.provenance,
    exported_at = excluded.exported_at;
