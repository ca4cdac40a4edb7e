-- Operations per second, with one place, rounded half up.
CREATE OR REPLACE MACRO rate_of(ops, since, until) AS
    (
        (ops::HUGEINT * 10000000 + (epoch_us(until) - epoch_us(since)) // 2) // (epoch_us(until) - epoch_us(since))
    )::DECIMAL(20, 0) * 0.1::DECIMAL(2, 1);

-- The last of the stretches in `storage_count` that samples of all the volume's disks cover, and what storage
-- and hypervisor counted in it: one row per volume. `disk_io_stat` shows the samples around these stretches.
-- Operations are shared out at the borders of a stretch as metering does it (metering.md, rule 8); an interval
-- longer than the gap limit, or in which counters fell, tells of nothing here.
CREATE OR REPLACE TABLE counted AS
WITH
-- one row per interval between two samples of a disk, and one per sample that reports a rate
measured AS (
    SELECT
        COLUMNS('^(volume_id|vm_id|device|disk_serial|disk_wwn|source_path|sampled_at)$'),
        opening_sampled_at AS interval_start,
        read_ops::HUGEINT - opening_read_ops AS read_ops,
        write_ops::HUGEINT - opening_write_ops AS write_ops
    FROM cumulative_sample
    WHERE
        read_ops >= opening_read_ops
        AND write_ops >= opening_write_ops
        AND read_bytes >= opening_read_bytes
        AND write_bytes >= opening_write_bytes
    UNION ALL BY NAME
    SELECT
        COLUMNS('^(volume_id|vm_id|device|disk_serial|disk_wwn|source_path|sampled_at)$'),
        window_start AS interval_start,
        read_ops::HUGEINT AS read_ops,
        write_ops::HUGEINT AS write_ops
    FROM windowed_sample
    WHERE window_start < sampled_at
),

-- one row per such interval, with its volume, in microseconds
placed AS (
    SELECT
        volume_id,
        vm_id,
        device,
        epoch_us(interval_start) AS from_us,
        epoch_us(sampled_at) AS until_us,
        read_ops + write_ops AS ops
    FROM with_volume('measured') AS told
    JOIN setting
        ON told.sampled_at >= setting.valid_from AND told.sampled_at < setting.valid_to
    WHERE epoch_us(sampled_at) - epoch_us(interval_start) <= setting.max_gap_us
),

-- one row per stretch of a volume, disk and interval that it overlaps: the time and operations that they share
shared AS (
    SELECT
        stretch.volume_id,
        stretch.valid_to,
        placed.vm_id,
        placed.device,
        greatest(placed.from_us, epoch_us(stretch.valid_from)) AS shared_from_us,
        least(placed.until_us, epoch_us(stretch.valid_to)) AS shared_until_us,
        placed.ops * (shared_until_us - placed.from_us) // (placed.until_us - placed.from_us)
        - placed.ops * (shared_from_us - placed.from_us) // (placed.until_us - placed.from_us) AS ops
    FROM storage_count AS stretch
    JOIN placed
        ON stretch.volume_id = placed.volume_id
        AND placed.from_us < epoch_us(stretch.valid_to)
        AND placed.until_us > epoch_us(stretch.valid_from)
),

-- one row per stretch of a volume and disk on it
by_disk AS (
    SELECT volume_id, valid_to, vm_id, device, sum(ops) AS ops, sum(shared_until_us - shared_from_us) AS shared_us
    FROM shared
    GROUP BY volume_id, valid_to, vm_id, device
),

-- one row per stretch of a volume that the samples of all its disks cover
covered AS (
    SELECT
        volume_id,
        valid_to,
        any_value(stretch.valid_from) AS valid_from,
        any_value(stretch.ops) AS storage_ops,
        sum(by_disk.ops) AS hypervisor_ops
    FROM storage_count AS stretch
    JOIN by_disk USING (volume_id, valid_to)
    GROUP BY volume_id, valid_to
    HAVING bool_and(by_disk.shared_us = epoch_us(stretch.valid_to) - epoch_us(stretch.valid_from))
)

SELECT
    volume_id,
    valid_from AS io_from,
    valid_to AS io_until,
    hypervisor_ops::BIGINT AS hypervisor_ops,
    storage_ops::BIGINT AS storage_ops,
    rate_of(covered.hypervisor_ops, valid_from, valid_to) AS hypervisor_iops,
    rate_of(covered.storage_ops, valid_from, valid_to) AS storage_iops
FROM covered
QUALIFY row_number() OVER (PARTITION BY volume_id ORDER BY valid_to DESC) = 1;
