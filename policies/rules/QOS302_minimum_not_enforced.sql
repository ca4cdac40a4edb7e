/*
code = "QOS302"
name = "minimum_not_enforced"
title = "A minimum is set where the backend does not enforce one"
severity = "high"
what = """
A volume with a minimum of IOPS above 0 on a backend that says that it does not reserve it. The finding
is `unknown` where the storage source does not say whether it does: metering then takes the minimum for
one that is not enforced. Whether anybody bought the minimum is another question (QOS201).
"""
why = """
The field takes a number, and nothing keeps that many operations free. Nothing of the volume's usage is
billed as guaranteed, and whoever reads the field believes that it is.
"""
example = """
Volume `vol-a` has a minimum of 2000 IOPS. Its array keeps the number with the volume and knows
maximums only.
"""
mend = """
Move the volume to a backend that reserves minimums, or clear the minimum and sell a maximum. For an
`unknown` finding, let the storage source say whether the backend reserves minimums (`min_enforced`).
"""
origin = """
Of the arrays behind one cloud platform only one has a real minimum; the others take the same field
of the offering for something else, or for nothing.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", volume_name = "root-web", vm_id = "guest-1", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-other", account_id = "aardvark" },
]

[[fail]]
name = "the backend does not enforce minimums, whether or not anybody bought the volume"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", backend = "box-1", min_iops = 2000, min_enforced = false },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 1, min_enforced = false },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "0"
expected = "2000"
unit = "operations per second"
interval_start = 2026-11-05T12:00:00Z
reason = "Volume vol-a (root-web) has a minimum of 2000 IOPS, and its backend (box-1) does not enforce it."
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
reason = "Volume vol-b has a minimum of 1 IOPS, and its backend does not enforce it."

[[fail]]
name = "nobody says whether the minimum is enforced"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000 },
]
[[fail.expect]]
status = "unknown"
resource_id = "vol-a"
observed = "not known"
expected = "2000"
reason = "Volume vol-a (root-web) has a minimum of 2000 IOPS, and its source does not say whether its backend enforces it."

[[fail]]
name = "over a period: the volume is moved to a backend that knows no minimum, and back"
moment = 2026-11-05T12:30:00Z
until = 2026-11-05T16:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "array", run_id = "4", kind = "storage", status = "ok", started_at = 2026-11-05T15:00:00Z },
]
given.entitlement = []
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = false },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = false },
    { source = "array", run_id = "4", observed_at = 2026-11-05T15:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-05T15:00:00Z

[[pass]]
name = "the minimum is enforced, or there is none"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", max_iops = 4000, min_enforced = false },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", min_iops = 0, min_enforced = false },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-d", min_iops = 0 },
]
*/

WITH
-- one row per volume and stretch of time in which nothing keeps its minimum, or nobody can tell
problem AS (
    SELECT *, concat('its backend', ' (' || backend || ')') AS told_backend
    FROM volume_state
    WHERE
        min_iops > 0
        AND (min_enforced IS NULL OR NOT min_enforced)
)

SELECT
    CASE WHEN min_enforced IS NULL THEN 'unknown' ELSE 'violation' END AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    sold_vm_id AS vm_id,
    volume_id,
    account_id,
    CASE WHEN min_enforced IS NULL THEN 'not known' ELSE '0' END AS observed,
    min_iops::VARCHAR AS expected,
    'operations per second' AS unit,
    CASE
        WHEN min_enforced IS NULL THEN format(
            'Volume {} has a minimum of {} IOPS, and its source does not say whether {} enforces it.',
            volume, min_iops, told_backend
        )
        ELSE format('Volume {} has a minimum of {} IOPS, and {} does not enforce it.', volume, min_iops, told_backend)
    END AS reason,
    allocation_valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
