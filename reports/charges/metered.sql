-- What a part of a billing period, with one rate card or none, is charged by: one row per usage record that
-- begins in it, with an amount for each meter. Levels are in level-seconds. While a policy conflict is open
-- (`qos_class` is `conflicting`), what counts as sold and as deliverable is what the card says; on hold both
-- stay as they are, and are not billed. `waived_iops` is what was sold and costs nothing for that reason.
CREATE OR REPLACE TEMP VIEW metered AS
WITH
-- one row per usage record, with what was sold and could not be had
delivered AS (
    SELECT
        *,
        greatest(sold_iops_seconds - deliverable_iops_seconds, 0) AS undelivered_iops_seconds,
        qos_class = 'conflicting' AND getvariable('open_conflict') = 'deliverable' AS counts_deliverable,
        qos_class = 'conflicting' AND getvariable('open_conflict') = 'sold' AS counts_sold
    FROM usage_record
    WHERE window_start >= getvariable('part_start') AND window_start < getvariable('part_end')
)

SELECT
    kind,
    account_id,
    volume_id,
    vm_id,
    device,
    project_id,
    offering_id,
    pool_id,
    zone_id,
    qos_class,
    window_start,
    epoch_us(window_end) - epoch_us(window_start) AS window_us,
    1::BIGINT AS usage_record_count,
    CASE WHEN counts_deliverable THEN sold_iops_seconds - undelivered_iops_seconds ELSE sold_iops_seconds END
        AS sold_iops,
    CASE WHEN counts_sold THEN sold_iops_seconds ELSE deliverable_iops_seconds END AS deliverable_iops,
    -- What was not billed in the first place is not paid back.
    CASE WHEN counts_deliverable THEN 0 ELSE undelivered_iops_seconds END AS undelivered_iops,
    CASE WHEN counts_deliverable THEN undelivered_iops_seconds ELSE 0 END AS waived_iops,
    guaranteed_iops_seconds AS guaranteed_iops,
    max_iops_seconds AS max_iops,
    gib_seconds AS gib,
    cap_iops_seconds AS cap_iops,
    guaranteed_ops,
    burst_ops,
    throttled_ops,
    best_effort_ops,
    unclassified_ops,
    read_ops,
    write_ops,
    read_bytes,
    write_bytes
FROM delivered;
