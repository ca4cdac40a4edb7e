-- What of usage findings touch: one row per finding (by `number`) with a row in `touching_record`, and one,
-- without a number, of all findings that count; no record is counted twice.
SELECT
    touching_record.number,
    count(*) AS touched_records,
    sum(usage_record.read_ops::HUGEINT + usage_record.write_ops)::BIGINT AS touched_ops,
    sum(usage_record.sold_iops_seconds)::DECIMAL(38, 6) AS touched_sold_iops_seconds,
    -- A volume may be delivered more than was sold as a number: amounts per GiB are no number of IOPS.
    sum(
        least(usage_record.deliverable_iops_seconds, usage_record.sold_iops_seconds)
    )::DECIMAL(38, 6) AS touched_deliverable_iops_seconds
FROM touching_record
JOIN usage_record USING (usage_record_id)
GROUP BY touching_record.number;
