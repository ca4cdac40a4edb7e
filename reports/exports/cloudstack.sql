-- The usage records of `batch` as CloudStack's listUsageRecords has them: one row per usage record, and in it
-- one line per record of CloudStack, each after a comma. A member without a value is left out, as there.
WITH
-- one row per usage record, with whole numbers for what is divided
record AS (
    SELECT
        *,
        epoch_us(window_end) - epoch_us(window_start) AS window_us,
        CAST(replace(CAST(gib_seconds AS VARCHAR), '.', '') AS HUGEINT) AS gib_us
    FROM batch
),

-- one row per usage record: the length of its hour in millionths of an hour, and its bytes on average,
-- both rounded half up
measured AS (
    SELECT
        *,
        (window_us::HUGEINT * 1000000 + 1800000000) // 3600000000 AS hours_e6,
        (gib_us * 2147483648 + window_us) // (2 * window_us) AS size_bytes
    FROM record
),

-- one row per usage record, with the members that its lines share
told AS (
    SELECT
        *,
        rtrim(rtrim(concat(hours_e6 // 1000000, '.', lpad(CAST(hours_e6 % 1000000 AS VARCHAR), 6, '0')), '0'), '.')
            AS hours,
        concat(
            ',"accountid":' || CAST(to_json(account_id) AS VARCHAR),
            ',"projectid":' || CAST(to_json(project_id) AS VARCHAR),
            ',"zoneid":' || CAST(to_json(zone_id) AS VARCHAR),
            ',"virtualmachineid":' || CAST(to_json(vm_id) AS VARCHAR),
            ',"usageid":' || CAST(to_json(volume_id) AS VARCHAR)
        ) AS names,
        concat(
            ',"startdate":"', strftime(window_start, '%Y-%m-%dT%H:%M:%S+0000'),
            -- CloudStack's periods end with their last second
            '","enddate":"', strftime(window_end - INTERVAL 1 SECOND, '%Y-%m-%dT%H:%M:%S+0000'),
            '","usagerecordid":', CAST(to_json(usage_record_id) AS VARCHAR),
            ',"qosclass":"', qos_class, '"}'
        ) AS ending
    FROM measured
)

SELECT
    CASE kind
        WHEN 'allocation' THEN concat(
            E',\n{"usagetype":6,"description":"Volume usage","usage":"', hours, ' Hrs","rawusage":"', hours, '"',
            names, ',"offeringid":' || CAST(to_json(offering_id) AS VARCHAR), ',"size":', size_bytes,
            ',"gibseconds":"', rtrim(rtrim(CAST(gib_seconds AS VARCHAR), '0'), '.'), '"', ending
        )
        ELSE concat(
            E',\n{"usagetype":21,"description":"Disk I/O read requests","usage":"', read_ops, ' io read","rawusage":"',
            read_ops, '","type":"VirtualMachine"', names,
            ',"guaranteedoperations":"', guaranteed_ops, '","burstoperations":"', burst_ops,
            '","throttledoperations":"', throttled_ops, '","besteffortoperations":"', best_effort_ops,
            '","unclassifiedoperations":"', unclassified_ops, '"', ending,
            E',\n{"usagetype":22,"description":"Disk I/O write requests","usage":"', write_ops,
            ' io write","rawusage":"', write_ops, '","type":"VirtualMachine"', names, ending,
            E',\n{"usagetype":23,"description":"Disk I/O read bytes","usage":"', read_bytes,
            ' bytes read","rawusage":"', read_bytes, '","type":"VirtualMachine"', names, ending,
            E',\n{"usagetype":24,"description":"Disk I/O write bytes","usage":"', write_bytes,
            ' bytes write","rawusage":"', write_bytes, '","type":"VirtualMachine"', names, ending
        )
    END AS lines
FROM told
