/*
code = "QOS206"
name = "burst_without_length"
title = "A burst has no length, or a shorter one than was sold"
severity = "medium"
what = """
A disk whose hypervisor cap has a burst but not how long it may last, or one that lasts shorter than
the length sold for it; and a volume sold with a burst of the cap that has no length. Each of the six
caps has its own burst. A burst that is longer than sold, or missing, is another finding (QOS204).
The finding is `unknown` where the disk's caps could not be read and a burst with a length was sold,
and where the entitlement of a disk with a burst is older than its age limit.
"""
why = """
Without a length a burst means something else to everyone who reads it: QEMU lets it last one second.
A length that one system on the way drops turns minutes of headroom into nothing that a guest could
notice, while both numbers of the offering still look right.
"""
example = """
An offering has 1000 reads per second and 5000 in a burst of 60 s. The agent on the host passes only
the two rates on, and disk `vda` may do 5000 reads for one second.
"""
mend = """
Set the length where it is missing, in the offering or on the host, and find out who dropped it: the
control plane, its agent, or a definition that was edited by hand. For an `unknown` finding, see first
why the guest does not answer, or why the control plane is no longer read.
"""
origin = """
Rate, burst and length of a burst are three fields in an offering and three in libvirt, and each was
added to both at another time.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme", sold_cap_total_iops = 1000, sold_cap_total_iops_burst = 5000, sold_cap_total_iops_burst_seconds = 60 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-apart", account_id = "acme", sold_cap_read_iops_burst = 300, sold_cap_read_iops_burst_seconds = 10, sold_cap_write_iops_burst = 200, sold_cap_write_iops_burst_seconds = 10, sold_cap_total_bps_burst = 9000, sold_cap_total_bps_burst_seconds = 10 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-bytes", account_id = "acme", sold_cap_read_bps_burst = 3000, sold_cap_read_bps_burst_seconds = 10, sold_cap_write_bps_burst = 2000, sold_cap_write_bps_burst_seconds = 10 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-plain", account_id = "acme", sold_cap_total_iops = 1000 },
]

[[fail]]
name = "the length was dropped on the way, and the burst lasts a second"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 1 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "5000 IOPS in total for 1 s"
expected = "60 s"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web has a burst without its length: 5000 IOPS in total for 1 s, sold for 60 s."

[[fail]]
name = "bursts without a length, nothing being sold, and one in time, sampled before it was sold"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-plain", cap_read_iops = 1000, cap_read_iops_burst = 5000, cap_total_bps_burst = 70, cap_total_bps_burst_seconds = 7 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-2", device = "vda", state = "ok", cap_write_bps_burst = 5000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "5000 read IOPS without a length"
expected = "a length"
interval_start = 2026-11-05T12:00:00Z
reason = "Disk vda of guest-1 has a burst without its length: 5000 read IOPS without a length."
[[fail.expect]]
status = "violation"
resource_id = "guest-2/vda"
interval_start = 2026-11-05T11:59:00Z

[[fail]]
name = "each of the caps has a burst of its own"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-apart", cap_read_iops_burst = 300, cap_read_iops_burst_seconds = 9, cap_write_iops_burst = 200, cap_write_iops_burst_seconds = 9, cap_total_bps_burst = 9000, cap_total_bps_burst_seconds = 9 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-bytes", cap_read_bps_burst = 3000, cap_read_bps_burst_seconds = 9, cap_write_bps_burst = 2000, cap_write_bps_burst_seconds = 9 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "9000 bytes/s in total for 9 s, 300 read IOPS for 9 s, 200 write IOPS for 9 s"
expected = "10 s"
[[fail.expect]]
status = "violation"
resource_id = "guest-2/vda"
observed = "3000 read bytes/s for 9 s, 2000 write bytes/s for 9 s"

[[fail]]
name = "a volume is sold with bursts that have no length, and one with a length"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", volume_name = "root-web", vm_id = "guest-1", account_id = "acme", sold_cap_total_iops_burst = 50, sold_cap_read_iops_burst = 40, sold_cap_write_iops_burst = 30 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", account_id = "acme", sold_cap_total_bps_burst = 500, sold_cap_read_bps_burst = 400, sold_cap_write_bps_burst = 300, sold_cap_total_iops_burst = 5, sold_cap_total_iops_burst_seconds = 5 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "50 IOPS in total, 40 read IOPS, 30 write IOPS"
expected = "a length"
interval_start = 2026-11-05T12:00:00Z
reason = "Volume vol-a (root-web) was sold with a burst without a length: 50 IOPS in total, 40 read IOPS, 30 write IOPS."
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
observed = "500 bytes/s in total, 400 read bytes/s, 300 write bytes/s"

[[fail]]
name = "a burst with a length was sold and the caps could not be read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "timeout", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", vm_name = "shop", device = "vda", state = "timeout", volume_id = "vol-plain" },
]
[[fail.expect]]
status = "unknown"
resource_kind = "disk"
resource_id = "guest-1/vda"
observed = "caps not read"
expected = "60 s"
reason = "Disk vda of web was sold with a burst, and its caps could not be read (state timeout)."

[[fail]]
name = "a disk has a burst and its entitlement is too old, unlike one that another cloud took over"
moment = 2026-11-06T12:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud-2", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-06T11:58:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-06T11:59:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_cap_total_iops_burst = 5000, sold_cap_total_iops_burst_seconds = 60 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-moved", sold_cap_total_iops_burst = 5000, sold_cap_total_iops_burst_seconds = 60 },
    { source = "cloud-2", run_id = "1", observed_at = 2026-11-06T11:58:00Z, volume_id = "vol-moved", sold_cap_total_iops_burst = 5000, sold_cap_total_iops_burst_seconds = 6 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 6 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-moved", cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 6 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 6 },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "5000 IOPS in total for 6 s"
expected = "entitlement too old"
interval_start = 2026-11-06T11:59:00Z
reason = "Disk vda of web has a burst (5000 IOPS in total for 6 s), and the entitlement of its volume vol-a was last read at 2026-11-05 12:00:00+00, which is beyond its age limit."

[[pass]]
name = "the burst lasts as long as was sold, or longer, or is not there at all"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 60 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 61 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-4", device = "vda", state = "off", volume_id = "vol-a" },
]

[[pass]]
name = "a length without a burst, on either side, and a burst with a length that nobody sold"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_cap_total_iops_burst_seconds = 60 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 5 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops_burst_seconds = 5 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "timeout", volume_id = "vol-a" },
]
*/

WITH
-- one row per sold volume and each of the six caps, with its burst and how long that may last
offered AS (
    SELECT
        volume_id,
        concat(volume_id, ' (' || volume_name || ')') AS volume,
        vm_id,
        account_id,
        valid_from,
        unnest(
            [
                {axis: 'IOPS in total', burst: sold_cap_total_iops_burst, seconds: sold_cap_total_iops_burst_seconds},
                {axis: 'read IOPS', burst: sold_cap_read_iops_burst, seconds: sold_cap_read_iops_burst_seconds},
                {axis: 'write IOPS', burst: sold_cap_write_iops_burst, seconds: sold_cap_write_iops_burst_seconds},
                {axis: 'bytes/s in total', burst: sold_cap_total_bps_burst, seconds: sold_cap_total_bps_burst_seconds},
                {axis: 'read bytes/s', burst: sold_cap_read_bps_burst, seconds: sold_cap_read_bps_burst_seconds},
                {axis: 'write bytes/s', burst: sold_cap_write_bps_burst, seconds: sold_cap_write_bps_burst_seconds}
            ],
            recursive := true
        )
    FROM entitlement_at_moment($period_start)
),

-- one row per burst that was sold
sold AS (
    SELECT *
    FROM offered
    WHERE burst IS NOT NULL
),

-- one row per current disk and each of the six caps, with its burst and how long that may last
enforced AS (
    SELECT
        vm_id,
        device,
        coalesce(vm_name, vm_id) AS vm,
        volume_id,
        state,
        capped,
        sampled_at,
        unnest(
            [
                {axis: 'IOPS in total', burst: cap_total_iops_burst, seconds: cap_total_iops_burst_seconds},
                {axis: 'read IOPS', burst: cap_read_iops_burst, seconds: cap_read_iops_burst_seconds},
                {axis: 'write IOPS', burst: cap_write_iops_burst, seconds: cap_write_iops_burst_seconds},
                {axis: 'bytes/s in total', burst: cap_total_bps_burst, seconds: cap_total_bps_burst_seconds},
                {axis: 'read bytes/s', burst: cap_read_bps_burst, seconds: cap_read_bps_burst_seconds},
                {axis: 'write bytes/s', burst: cap_write_bps_burst, seconds: cap_write_bps_burst_seconds}
            ],
            recursive := true
        )
    FROM disk_at_moment($period_start)
),

-- one row per burst of a current disk, or per cap that could not be read, with what was sold for it
state AS (
    SELECT
        enforced.*,
        sold.seconds AS sold_seconds,
        expired.observed_at AS expired_observed_at,
        entitlement.account_id,
        greatest(enforced.sampled_at, entitlement.valid_from) AS interval_start
    FROM enforced
    LEFT JOIN sold
        ON enforced.volume_id = sold.volume_id AND enforced.axis = sold.axis
    LEFT JOIN entitlement_at_moment($period_start) AS entitlement
        ON enforced.volume_id = entitlement.volume_id
    LEFT JOIN expired_at_moment('entitlement', $period_start) AS expired
        ON enforced.volume_id = expired.volume_id AND entitlement.volume_id IS NULL
    WHERE enforced.burst IS NOT NULL OR enforced.capped IS NULL
),

-- one row per burst of a disk that lacks its length, or of which nobody can tell
problem AS (
    SELECT
        *,
        CASE
            WHEN capped IS NULL THEN CASE WHEN sold_seconds IS NOT NULL THEN 'caps not read' END
            WHEN seconds IS NULL OR seconds < sold_seconds THEN 'too short'
            WHEN expired_observed_at IS NOT NULL THEN 'entitlement too old'
        END AS kind,
        format('{} {}', burst, axis) || coalesce(format(' for {} s', seconds), ' without a length') AS told
    FROM state
    WHERE kind IS NOT NULL
),

-- one row per disk and kind of problem, with all of its bursts that have it
disk_problem AS (
    SELECT
        vm_id,
        device,
        vm,
        volume_id,
        account_id,
        state,
        expired_observed_at,
        interval_start,
        kind,
        string_agg(told, ', ' ORDER BY axis) AS told,
        string_agg(told || coalesce(format(', sold for {} s', sold_seconds), ''), '; ' ORDER BY axis) AS told_and_sold,
        string_agg(DISTINCT sold_seconds || ' s', ', ' ORDER BY sold_seconds || ' s') AS sold
    FROM problem
    GROUP BY ALL
),

-- one row per volume that was sold with a burst without a length
volume_problem AS (
    SELECT
        volume_id,
        volume,
        vm_id,
        account_id,
        valid_from,
        string_agg(format('{} {}', burst, axis), ', ' ORDER BY axis) AS told
    FROM sold
    WHERE seconds IS NULL
    GROUP BY ALL
)

SELECT
    CASE kind WHEN 'too short' THEN 'violation' ELSE 'unknown' END AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    coalesce(told, kind) AS observed,
    CASE kind WHEN 'entitlement too old' THEN kind ELSE coalesce(sold, 'a length') END AS expected,
    NULL::VARCHAR AS unit,
    format('Disk {} of {} ', device, vm)
    || CASE kind
        WHEN 'too short' THEN format('has a burst without its length: {}.', told_and_sold)
        WHEN 'caps not read' THEN format('was sold with a burst, and its caps could not be read (state {}).', state)
        ELSE format(
            'has a burst ({}), and the entitlement of its volume {} was last read at {}, which is beyond its age limit.',
            told, volume_id, expired_observed_at::VARCHAR
        )
    END AS reason,
    interval_start,
    NULL::TIMESTAMPTZ AS interval_end
FROM disk_problem
UNION ALL
SELECT
    'violation' AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    vm_id,
    volume_id,
    account_id,
    told AS observed,
    'a length' AS expected,
    NULL::VARCHAR AS unit,
    format('Volume {} was sold with a burst without a length: {}.', volume, told) AS reason,
    valid_from AS interval_start,
    NULL::TIMESTAMPTZ AS interval_end
FROM volume_problem
