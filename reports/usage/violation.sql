-- What must hold of records and does not (metering.md, conservation and quarantine): one row per disk or
-- volume and invariant. `made` has the records as they are to be stored.

-- The greatest cap that any sample of a disk tells of: one row per disk.
CREATE OR REPLACE TEMP VIEW greatest_cap AS
SELECT vm_id, device, max(cap_iops_of(cap_total_iops, cap_read_iops, cap_write_iops)) AS cap_iops
FROM (
    SELECT vm_id, device, cap_total_iops, cap_read_iops, cap_write_iops
    FROM span
    UNION ALL
    SELECT vm_id, device, cap_total_iops, cap_read_iops, cap_write_iops
    FROM raw_sample
    WHERE window_start IS NOT NULL
    UNION ALL
    SELECT vm_id, device, opening_cap_total_iops, opening_cap_read_iops, opening_cap_write_iops
    FROM (FROM edge_inside UNION ALL BY NAME FROM edge_after)
    UNION ALL
    SELECT vm_id, device, cap_total_iops, cap_read_iops, cap_write_iops
    FROM edge_after
)
GROUP BY vm_id, device;

-- The greatest levels that any snapshot of a volume tells of: one row per volume.
CREATE OR REPLACE TEMP VIEW greatest_level AS
SELECT
    volume_id,
    coalesce(max(sold_min_iops), 0) AS sold_iops,
    coalesce(max(min_iops) FILTER (min_enforced), 0) AS guaranteed_iops,
    coalesce(max(max_iops), 0) AS max_iops,
    coalesce(max(size_bytes), 0) AS size_bytes
FROM (
    SELECT volume_id, min_iops, min_enforced, max_iops, size_bytes FROM provisioned_iops
    UNION ALL BY NAME
    SELECT volume_id, sold_min_iops, size_bytes FROM entitlement
)
GROUP BY volume_id;

-- The amounts of one of two structs that differ from the other's, in words.
CREATE OR REPLACE TEMP MACRO differing_of(these, others) AS concat_ws(
    ', ',
    CASE WHEN these.read_ops <> others.read_ops THEN 'read_ops ' || these.read_ops END,
    CASE WHEN these.write_ops <> others.write_ops THEN 'write_ops ' || these.write_ops END,
    CASE WHEN these.flush_ops <> others.flush_ops THEN 'flush_ops ' || these.flush_ops END,
    CASE WHEN these.read_bytes <> others.read_bytes THEN 'read_bytes ' || these.read_bytes END,
    CASE WHEN these.write_bytes <> others.write_bytes THEN 'write_bytes ' || these.write_bytes END,
    CASE WHEN these.lasted_us <> others.lasted_us THEN 'lasted_us ' || these.lasted_us END,
    CASE WHEN these.resets <> others.resets THEN 'resets ' || these.resets END
);

CREATE OR REPLACE TEMP TABLE violation AS
WITH
-- one row per disk and run of hours, twice: as its counters tell it, and one or more as its records do
told AS (
    SELECT *, true AS is_counted
    FROM risen
    UNION ALL BY NAME
    SELECT
        vm_id,
        device,
        run_start,
        window_start AS since,
        window_end AS until,
        read_ops,
        write_ops,
        flush_ops,
        read_bytes,
        write_bytes,
        ((observed_seconds + gap_seconds) * 1000000)::HUGEINT AS lasted_us,
        resets,
        false AS is_counted
    FROM made
    JOIN hour_run ON window_start >= run_start AND window_start < run_end
    WHERE kind = 'io'
    UNION ALL BY NAME
    SELECT
        vm_id,
        device,
        run_start,
        window_start AS since,
        window_end AS until,
        read_ops,
        write_ops,
        flush_ops,
        read_bytes,
        write_bytes,
        observed_us + gap_us AS lasted_us,
        resets,
        false AS is_counted
    FROM oversized_sum
    JOIN hour_run ON window_start >= run_start AND window_start < run_end
),

-- one row per disk and run of hours, with both sums of each amount
compared AS (
    SELECT
        vm_id,
        device,
        min(since) AS since,
        max(until) AS until,
        struct_pack(
            read_ops := coalesce(sum(read_ops) FILTER (is_counted), 0),
            write_ops := coalesce(sum(write_ops) FILTER (is_counted), 0),
            flush_ops := coalesce(sum(flush_ops) FILTER (is_counted), 0),
            read_bytes := coalesce(sum(read_bytes) FILTER (is_counted), 0),
            write_bytes := coalesce(sum(write_bytes) FILTER (is_counted), 0),
            lasted_us := coalesce(sum(lasted_us) FILTER (is_counted), 0),
            resets := coalesce(sum(resets) FILTER (is_counted), 0)
        ) AS counted,
        struct_pack(
            read_ops := coalesce(sum(read_ops) FILTER (NOT is_counted), 0),
            write_ops := coalesce(sum(write_ops) FILTER (NOT is_counted), 0),
            flush_ops := coalesce(sum(flush_ops) FILTER (NOT is_counted), 0),
            read_bytes := coalesce(sum(read_bytes) FILTER (NOT is_counted), 0),
            write_bytes := coalesce(sum(write_bytes) FILTER (NOT is_counted), 0),
            lasted_us := coalesce(sum(lasted_us) FILTER (NOT is_counted), 0),
            resets := coalesce(sum(resets) FILTER (NOT is_counted), 0)
        ) AS recorded
    FROM told
    GROUP BY vm_id, device, run_start
),

-- one row per record of a disk, with its operations by class in one sum
record AS (
    SELECT
        *,
        read_ops::HUGEINT + write_ops AS ops,
        guaranteed_ops::HUGEINT + burst_ops + throttled_ops + best_effort_ops + unclassified_ops AS classed_ops
    FROM made
    WHERE kind = 'io'
),

-- one row per volume and billing hour, with what its records hold together
held AS (
    SELECT
        volume_id,
        window_start,
        window_end,
        epoch_us(window_end) - epoch_us(window_start) AS window_us,
        count(*) AS record_count,
        (sum(sold_iops_seconds) * 1000000)::HUGEINT AS sold_iops_us,
        (sum(guaranteed_iops_seconds) * 1000000)::HUGEINT AS guaranteed_iops_us,
        (sum(deliverable_iops_seconds) * 1000000)::HUGEINT AS deliverable_iops_us,
        (sum(max_iops_seconds) * 1000000)::HUGEINT AS max_iops_us,
        (sum(gib_seconds) * 1000000)::HUGEINT * 1073741824 AS size_bytes_us
    FROM made
    WHERE kind = 'allocation'
    GROUP BY volume_id, window_start, window_end
),

-- one row per volume and billing hour, with what they may hold: the greatest level for all of the hour, of
-- bytes half a millionth of a GiB-second more for each record, which rounds
allowed AS (
    SELECT
        held.*,
        coalesce(level.sold_iops, 0)::HUGEINT * window_us AS most_sold_us,
        coalesce(level.guaranteed_iops, 0)::HUGEINT * window_us AS most_guaranteed_us,
        coalesce(level.max_iops, 0)::HUGEINT * window_us AS most_max_us,
        coalesce(level.size_bytes, 0)::HUGEINT * window_us + record_count * 536870912 AS most_bytes_us
    FROM held
    LEFT JOIN greatest_level AS level ON level.volume_id = held.volume_id
)

SELECT
    'deltas' AS invariant,
    'io' AS kind,
    vm_id,
    device,
    NULL::VARCHAR AS volume_id,
    since,
    until,
    differing_of(counted, recorded) AS expected,
    differing_of(recorded, counted) AS observed
FROM compared
WHERE counted <> recorded
UNION ALL
SELECT
    'classes', 'io', vm_id, device, NULL, min(window_start), max(window_end),
    sum(ops)::VARCHAR || ' operations', sum(classed_ops)::VARCHAR || ' operations by class'
FROM record
WHERE
    ops <> classed_ops
    OR least(read_ops, write_ops, guaranteed_ops, burst_ops, throttled_ops, best_effort_ops, unclassified_ops) < 0
GROUP BY vm_id, device, window_start
UNION ALL
SELECT
    'levels', 'io', record.vm_id, record.device, NULL, min(record.window_start), max(record.window_end),
    any_value(coalesce(cap_iops, 0))::VARCHAR || ' IOPS for ' || sum(observed_seconds + gap_seconds)::VARCHAR
    || ' seconds at most',
    sum(cap_iops_seconds)::VARCHAR || ' IOPS-seconds and ' || sum(at_cap_seconds)::VARCHAR || ' seconds at the cap'
FROM record
LEFT JOIN greatest_cap AS cap
    ON cap.vm_id = record.vm_id AND cap.device IS NOT DISTINCT FROM record.device
WHERE
    at_cap_seconds > observed_seconds
    OR (cap_iops_seconds * 1000000)::HUGEINT
    > coalesce(cap_iops, 0)::HUGEINT * ((observed_seconds + gap_seconds) * 1000000)::HUGEINT
GROUP BY record.vm_id, record.device, record.window_start
UNION ALL
SELECT
    'levels', 'allocation', NULL, NULL, volume_id, window_start, window_end,
    concat_ws(
        ', ',
        CASE WHEN sold_iops_us > most_sold_us THEN 'sold_iops_us ' || most_sold_us END,
        CASE WHEN guaranteed_iops_us > most_guaranteed_us THEN 'guaranteed_iops_us ' || most_guaranteed_us END,
        CASE WHEN deliverable_iops_us > most_guaranteed_us THEN 'deliverable_iops_us ' || most_guaranteed_us END,
        CASE WHEN max_iops_us > most_max_us THEN 'max_iops_us ' || most_max_us END,
        CASE WHEN size_bytes_us > most_bytes_us THEN 'size_bytes_us ' || most_bytes_us END
    ) || ' at most',
    concat_ws(
        ', ',
        CASE WHEN sold_iops_us > most_sold_us THEN 'sold_iops_us ' || sold_iops_us END,
        CASE WHEN guaranteed_iops_us > most_guaranteed_us THEN 'guaranteed_iops_us ' || guaranteed_iops_us END,
        CASE WHEN deliverable_iops_us > most_guaranteed_us THEN 'deliverable_iops_us ' || deliverable_iops_us END,
        CASE WHEN max_iops_us > most_max_us THEN 'max_iops_us ' || max_iops_us END,
        CASE WHEN size_bytes_us > most_bytes_us THEN 'size_bytes_us ' || size_bytes_us END
    )
FROM allowed
WHERE
    sold_iops_us > most_sold_us
    OR guaranteed_iops_us > most_guaranteed_us
    OR deliverable_iops_us > most_guaranteed_us
    OR max_iops_us > most_max_us
    OR size_bytes_us > most_bytes_us
UNION ALL
SELECT
    'range', 'io', vm_id, device, NULL, window_start, window_end,
    '9223372036854775807 at most',
    max(greatest(
        read_ops, write_ops, flush_ops, read_bytes, write_bytes, read_ops + write_ops
    ))::VARCHAR
FROM oversized_sum
GROUP BY vm_id, device, window_start, window_end;

-- Samples of disks whose records do not add up: one row per span or sample, by which it is known whose
-- they are when records are missing.
CREATE OR REPLACE TEMP VIEW suspect_sample AS
SELECT sample.*
FROM (
    SELECT vm_id, device, sampled_at, volume_id, disk_serial, disk_wwn, source_path FROM span
    UNION ALL
    SELECT vm_id, device, sampled_at, volume_id, disk_serial, disk_wwn, source_path FROM edge_after
    UNION ALL
    SELECT vm_id, device, sampled_at, volume_id, disk_serial, disk_wwn, source_path FROM raw_sample
    WHERE window_start IS NOT NULL
) AS sample
SEMI JOIN (FROM violation WHERE invariant = 'deltas') AS violation
    ON violation.vm_id = sample.vm_id AND violation.device IS NOT DISTINCT FROM sample.device;
