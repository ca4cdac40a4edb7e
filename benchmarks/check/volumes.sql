-- What all sources tell of `$volume_count` volumes in one run each: views, named as the lake's tables, of which
-- one row is one row of the table. `defect` has the names of what can be wrong, numbered from 1.

-- One row per volume; one in a hundred has a defect, each kind in turn.
CREATE TABLE volume AS
SELECT
    volumes.number,
    'volume-' || lpad(volumes.number::VARCHAR, 7, '0') AS volume_id,
    uuid() AS vm_id,
    defect.name AS defect,
    TIMESTAMPTZ '2026-11-05 12:00:00+00' AS told_at,
    -- half are provisioned on the storage, the others capped by the hypervisor
    volumes.number % 2 = 0 OR coalesce(defect.is_provisioned, false) AS is_provisioned
FROM range($volume_count) AS volumes (number)
LEFT JOIN defect
    ON volumes.number % 100 = 7 AND volumes.number // 100 % (SELECT count(*) FROM defect) + 1 = defect.number;

-- One row per disk: each volume has one, but for those whose defect it is to have none, or two.
CREATE VIEW disk AS
SELECT * FROM (SELECT *, 'vda' AS device FROM volume)
WHERE defect IS DISTINCT FROM 'without samples'
UNION ALL
SELECT * REPLACE (uuid() AS vm_id), 'vdb' AS device FROM volume
WHERE defect = 'under two disks';

CREATE VIEW collection_run AS
SELECT
    told.source,
    told.run_id,
    told.kind,
    told.started_at,
    told.started_at + INTERVAL 30 SECONDS AS ended_at,
    'ok' AS status,
    $volume_count::BIGINT AS row_count,
    0::BIGINT AS timeout_count,
    'benchmark' AS collector_version
FROM (
    VALUES
    ('array', 'storage', '20261105T120000.000000Z', TIMESTAMPTZ '2026-11-05 12:00:00+00'),
    ('cloud', 'controlplane', '20261105T120000.000000Z', TIMESTAMPTZ '2026-11-05 12:00:00+00'),
    -- the hypervisors are read last, and list what the others told of
    ('kvm', 'hypervisor', '20261105T120100.000000Z', TIMESTAMPTZ '2026-11-05 12:01:00+00')
) AS told (source, kind, run_id, started_at);

CREATE VIEW provisioned_iops AS
SELECT
    'array' AS source,
    '20261105T120000.000000Z' AS run_id,
    told_at AS observed_at,
    volume_id,
    CASE WHEN defect = 'on an unmanaged pool' THEN 'pool-unmanaged' ELSE 'pool-' || number % 100 END AS pool_id,
    'ceph' AS backend,
    CASE
        WHEN defect IN ('minimum below what was sold', 'minimum by another size') THEN 999
        WHEN defect = 'minimum above maximum' THEN 5000
        WHEN is_provisioned THEN 1000
    END::BIGINT AS min_iops,
    CASE WHEN defect = 'maximum below what was sold' THEN 3999 WHEN is_provisioned THEN 4000 END::BIGINT AS max_iops,
    is_provisioned AND defect IS DISTINCT FROM 'minimum not enforced' AS min_enforced,
    107374182400::BIGINT AS size_bytes,
    CASE WHEN defect = 'under two disks' THEN 2 ELSE 1 END::BIGINT AS attached_count
FROM volume;

CREATE VIEW storage_pool AS
SELECT
    'array' AS source,
    '20261105T120000.000000Z' AS run_id,
    TIMESTAMPTZ '2026-11-05 12:00:00+00' AS observed_at,
    pool.pool_id,
    'ceph' AS type,
    pool.is_managed AS managed,
    1000000000::BIGINT AS capacity_iops,
    'total' AS capacity_means,
    true AS supports_min_iops,
    true AS supports_max_iops,
    true AS supports_burst_iops
FROM (
    SELECT 'pool-' || number AS pool_id, true AS is_managed FROM range(100) AS pools (number)
    UNION ALL
    SELECT 'pool-unmanaged', false
) AS pool;

CREATE VIEW entitlement AS
SELECT
    'cloud' AS source,
    '20261105T120000.000000Z' AS run_id,
    told_at AS observed_at,
    volume_id,
    'root-' || number AS volume_name,
    vm_id::VARCHAR AS vm_id,
    'account-' || number % 1000 AS account_id,
    'offering-' || number % 20 AS offering_id,
    'zone-1' AS zone_id,
    107374182400::BIGINT AS size_bytes,
    CASE
        WHEN defect = 'minimum by another size' THEN NULL
        WHEN defect = 'minimum above maximum' THEN 5000
        WHEN is_provisioned THEN 1000
    END::BIGINT AS sold_min_iops,
    CASE WHEN is_provisioned THEN 4000 END::BIGINT AS sold_max_iops,
    CASE WHEN defect = 'minimum by another size' THEN 10 END::DECIMAL(18, 6) AS sold_min_iops_per_gib,
    CASE
        WHEN defect = 'capped and provisioned' THEN 4000
        WHEN defect = 'cap below minimum' THEN 500
        WHEN defect = 'cap below maximum' THEN 2000
        WHEN defect = 'cap above maximum' THEN 5000
        WHEN defect IN ('reads alone capped', 'reads and writes swapped') OR is_provisioned THEN NULL
        ELSE 500
    END::BIGINT AS sold_cap_total_iops,
    CASE
        WHEN defect = 'reads alone capped' THEN 4000
        WHEN defect = 'reads and writes swapped' THEN 300
    END::BIGINT AS sold_cap_read_iops,
    CASE WHEN defect = 'reads and writes swapped' THEN 200 END::BIGINT AS sold_cap_write_iops
FROM volume
WHERE defect IS DISTINCT FROM 'not sold';

CREATE VIEW disk_io_stat AS
SELECT
    'kvm' AS source,
    '20261105T120100.000000Z' AS run_id,
    told_at + to_milliseconds(60000 + number % 20000) AS sampled_at,
    'host-' || number % 5000 AS host_id,
    vm_id::VARCHAR AS vm_id,
    'guest-' || number AS vm_name,
    device,
    -- of every tenth volume the hypervisor knows no more than the serial
    CASE WHEN number % 10 <> 3 THEN volume_id END AS volume_id,
    CASE WHEN number % 10 = 3 THEN 'serial-' || number END AS disk_serial,
    '/dev/storage/' || number AS source_path,
    'epoch-' || number AS epoch,
    'ok' AS state,
    number AS read_ops,
    number AS write_ops,
    number * 4096 AS read_bytes,
    number * 4096 AS write_bytes,
    number * 1000 AS read_time_ns,
    number * 1000 AS write_time_ns,
    CASE
        WHEN defect = 'capped and provisioned' THEN 4000
        WHEN defect = 'cap below minimum' THEN 500
        WHEN defect = 'cap below maximum' THEN 2000
        WHEN defect = 'cap above maximum' THEN 5000
        WHEN defect = 'another cap than was sold' THEN 400
        WHEN
            defect IN ('reads alone capped', 'enforced apart with another sum', 'reads and writes swapped')
            OR is_provisioned
            THEN NULL
        ELSE 500
    END::BIGINT AS cap_total_iops,
    CASE
        WHEN defect = 'reads alone capped' THEN 4000
        WHEN defect = 'enforced apart with another sum' THEN 400
        WHEN defect = 'reads and writes swapped' THEN 200
    END::BIGINT AS cap_read_iops,
    CASE
        WHEN defect = 'enforced apart with another sum' THEN 400
        WHEN defect = 'reads and writes swapped' THEN 300
    END::BIGINT AS cap_write_iops
FROM disk;

CREATE VIEW volume_alias AS
SELECT
    'cloud' AS source,
    '20261105T120000.000000Z' AS run_id,
    told_at AS observed_at,
    'serial' AS namespace,
    'serial-' || number AS alias,
    volume_id,
    TIMESTAMPTZ '2026-01-01 00:00:00+00' AS valid_from
FROM volume
WHERE number % 10 = 3;
