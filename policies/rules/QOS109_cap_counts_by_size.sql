/*
code = "QOS109"
name = "cap_counts_by_size"
title = "A cap that counts large requests as several allows fewer of them than was sold"
severity = "medium"
what = """
A disk whose hypervisor cap has a size at which it counts one operation (`cap_io_size`), so that a
larger request costs its size divided by that: at requests of `request_bytes` fewer of them fit into
the cap than were sold. What was sold is the greatest of the cap, the maximum and the minimum in the
volume's entitlement (amounts for each GiB times its size, rounded down), and for a cap on one
direction the cap sold for it. The finding is `unknown` where the disk's caps could not be read though
something was sold, where what was sold depends on the size of a volume that nobody tells, and where
the entitlement of a disk with such a cap is older than its age limit.
"""
why = """
The number in the offering and the number on the host are the same, and the guest still gets less: at
a size of 4 KiB, a cap of 2000 IOPS is 500 requests of 16 KiB. No counter shows it.
"""
example = """
Volume `vol-a` was sold with a cap of 2000 IOPS. Its disk `vda` is capped at 2000 IOPS with a
`size_iops_sec` of 4096: a database that reads pages of 16 KiB gets 500 of them a second.
"""
mend = """
Take the size out of the cap, raise it to the size of the requests that were sold, or raise the cap by
the same factor; or sell by throughput instead. For an `unknown` finding, see first why the guest does
not answer, or complete the entitlement.
"""
origin = """
QEMU's throttling has a size beyond which a request counts as more than one, and users of a cloud
platform asked for it in offerings. Storage systems count by size as well, each by its own.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "request_bytes"
unit = "bytes"
default = 16384
meaning = "the size of requests by which the cap is judged; 16384 is a page of common databases"

[given]
collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme", sold_cap_read_iops = 1500, sold_cap_write_iops = 500, sold_min_iops = 1000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-gib", account_id = "acme", sold_max_iops_per_gib = 0.5, size_bytes = 1075000000000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-floor", account_id = "acme", sold_min_iops_per_gib = 1.0, size_bytes = 536870912000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-reads", account_id = "acme", sold_cap_read_iops = 1000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-writes", account_id = "acme", sold_cap_write_iops = 1000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-plain", account_id = "acme" },
]

[[fail]]
name = "the number is the one that was sold, at a fourth of the size"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 2000, cap_io_size = 4096 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "500"
expected = "2000"
unit = "operations per second"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web is capped at 2000 IOPS of 4096 bytes in total, which makes 500 requests of 16384 bytes a second, below the 2000 IOPS that were sold."

[[fail]]
name = "reads and writes together fall one short, sampled before it was sold so"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 6000, cap_write_iops = 1999, cap_io_size = 4096 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "1999"
expected = "2000"
interval_start = 2026-11-05T12:00:00Z

[[fail]]
name = "a maximum or a minimum was sold for each GiB"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-gib", cap_total_iops = 1999, cap_io_size = 4096 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-floor", cap_total_iops = 1999, cap_io_size = 4096 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "499"
expected = "500"
[[fail.expect]]
status = "violation"
resource_id = "guest-2/vda"
observed = "499"
expected = "500"

[[fail]]
name = "a cap on one direction, as it was sold"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-reads", cap_read_iops = 1000, cap_io_size = 8192 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-writes", cap_write_iops = 1000, cap_io_size = 8192 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-reads", cap_write_iops = 1000, cap_io_size = 8192 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
reason = "Disk vda of guest-1 is capped at 1000 IOPS of 8192 bytes on reads, which makes 500 requests of 16384 bytes a second, below the 1000 IOPS that were sold."
[[fail.expect]]
status = "violation"
resource_id = "guest-2/vda"
reason = "Disk vda of guest-2 is capped at 1000 IOPS of 8192 bytes on writes, which makes 500 requests of 16384 bytes a second, below the 1000 IOPS that were sold."

[[fail]]
name = "requests one byte above the size"
parameters = { request_bytes = 4097 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 2000, cap_io_size = 4096 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "1999"

[[fail]]
name = "something was sold and the caps could not be read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "timeout", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", vm_name = "shop", device = "vda", state = "timeout", volume_id = "vol-plain" },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
unit = "operations per second"
reason = "IOPS were sold for disk vda of web, and its caps could not be read (state timeout)."

[[fail]]
name = "what was sold for each GiB depends on a size that nobody tells, unless what is known suffices"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-max", sold_max_iops_per_gib = 3.0 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-min", sold_min_iops_per_gib = 3.0 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-both", sold_min_iops_per_gib = 3.0, sold_max_iops = 600 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-max", cap_total_iops = 2000, cap_io_size = 4096 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-min", cap_total_iops = 2000, cap_io_size = 4096 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-both", cap_total_iops = 2000, cap_io_size = 4096 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-max", cap_total_iops = 2000, cap_io_size = 16384 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-5", device = "vda", state = "error", volume_id = "vol-max" },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "500"
reason = "Disk vda of web is capped at 2000 IOPS of 4096 bytes in total, which makes 500 requests of 16384 bytes a second, and what was sold for each GiB is not known, for its volume vol-max has no size."
[[fail.expect]]
status = "unknown"
resource_id = "guest-2/vda"
[[fail.expect]]
status = "violation"
resource_id = "guest-3/vda"
[[fail.expect]]
status = "unknown"
resource_id = "guest-5/vda"

[[fail]]
name = "the cap counts by size and the entitlement is too old, unlike one that another cloud took over"
moment = 2026-11-06T12:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud-2", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-06T11:58:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-06T11:59:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_min_iops = 2000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-moved", sold_min_iops = 2000 },
    { source = "cloud-2", run_id = "1", observed_at = 2026-11-06T11:58:00Z, volume_id = "vol-moved", sold_min_iops = 500 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 2000, cap_io_size = 4096 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 2000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-moved", cap_total_iops = 2000, cap_io_size = 4096 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_total_iops = 2000, cap_io_size = 4096 },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "500"
interval_start = 2026-11-06T12:00:00Z
reason = "Disk vda of web is capped at 2000 IOPS of 4096 bytes in total, which makes 500 requests of 16384 bytes a second, and the entitlement of its volume vol-a was last read at 2026-11-05 12:00:00 UTC, which is beyond its age limit."



[[fail]]
name = "the size of the cap comes with one run, and less is sold with another"
until = 2026-11-05T15:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T13:30:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_max_iops = 2000 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T13:30:00Z, volume_id = "vol-a", sold_max_iops = 500 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 2000 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 2000, cap_io_size = 4096 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "500"
expected = "2000"
interval_start = 2026-11-05T13:01:00Z
interval_end = 2026-11-05T13:30:00Z

[[fail]]
name = "a size of one byte, unlike one of nothing, which counts every request once"
parameters = { request_bytes = 2 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 2000, cap_io_size = 1 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_io_size = 0 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "1000"

[[pass]]
name = "enough requests fit in spite of the size, in total and in each direction"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 6000, cap_write_iops = 2000, cap_io_size = 4096 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-gib", cap_total_iops = 2000, cap_io_size = 4096 },
]

[[pass]]
name = "requests are no larger than the size, and a cap without a size, however low"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 100, cap_io_size = 16384 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 100 },
]

[[pass]]
name = "a cap in bytes alone, nothing sold, and a guest that is off"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_bps = 1000, cap_io_size = 4096 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-plain", cap_total_iops = 2000, cap_io_size = 4096 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "off", volume_id = "vol-a" },
]
*/

WITH
-- one row per disk whose cap counts requests of the size as several, or whose caps could not be read, and
-- stretch of time: the numbers that were sold with its volume, as far as that is known
counted AS (
    SELECT
        *,
        sold_iops_of(sold_max_iops, sold_max_iops_per_gib, size_bytes) AS sold_max,
        sold_iops_of(sold_min_iops, sold_min_iops_per_gib, size_bytes) AS sold_min,
        (
            (is_sold(sold_max_iops, sold_max_iops_per_gib) AND sold_max IS NULL)
            OR (is_sold(sold_min_iops, sold_min_iops_per_gib) AND sold_min IS NULL)
        ) AS is_unsized
    FROM disk_on_volume
    WHERE
        capped IS NULL
        OR nullif(cap_io_size, 0) < $request_bytes
),

-- one row per such disk, stretch of time and way to cap it: the cap, what was sold, and whether a size is
-- lacking for that
measure AS (
    SELECT
        vm_id,
        device,
        vm,
        state,
        volume_id,
        account_id,
        capped,
        cap_io_size,
        expired_entitlement_observed_at,
        valid_from,
        valid_to,
        unnest(
            [
                {
                    direction: 'in total',
                    cap: ceiling_of(cap_total_iops, cap_read_iops, cap_write_iops),
                    sold: greatest(
                        ceiling_of(sold_cap_total_iops, sold_cap_read_iops, sold_cap_write_iops), sold_max, sold_min
                    ),
                    lacks_size: is_unsized
                },
                {direction: 'on reads', cap: cap_read_iops, sold: sold_cap_read_iops, lacks_size: false},
                {direction: 'on writes', cap: cap_write_iops, sold: sold_cap_write_iops, lacks_size: false}
            ],
            recursive := true
        )
    FROM counted
),

-- one row per such disk, stretch of time and way to cap it: how many requests of the size fit
fitting AS (
    SELECT *, iops_at_size(cap, cap_io_size, $request_bytes) AS at_size
    FROM measure
),

-- one row per cap and stretch of time that lets too few large requests through, or of which nobody can tell
problem AS (
    SELECT
        *,
        CASE
            WHEN capped IS NULL AND (sold IS NOT NULL OR lacks_size) THEN 'caps not read'
            WHEN at_size IS NOT NULL AND expired_entitlement_observed_at IS NOT NULL THEN 'entitlement too old'
            WHEN at_size < sold THEN 'too few'
            WHEN at_size IS NOT NULL AND lacks_size THEN 'size not known'
        END AS kind
    FROM fitting
    WHERE kind IS NOT NULL
)

SELECT
    CASE kind WHEN 'too few' THEN 'violation' ELSE 'unknown' END AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    at_size::VARCHAR AS observed,
    CASE kind WHEN 'too few' THEN sold END::VARCHAR AS expected,
    'operations per second' AS unit,
    CASE
        WHEN kind = 'caps not read' THEN format(
            'IOPS were sold for disk {} of {}, and its caps could not be read (state {}).', device, vm, state
        )
        ELSE format(
            'Disk {} of {} is capped at {} IOPS of {} bytes {}, which makes {} requests of {} bytes a second, ',
            device, vm, cap, cap_io_size, direction, at_size, $request_bytes
        )
        || CASE kind
            WHEN 'too few' THEN format('below the {} IOPS that were sold.', sold)
            WHEN 'size not known' THEN format(
                'and what was sold for each GiB is not known, for its volume {} has no size.', volume_id
            )
            ELSE format(
                'and the entitlement of its volume {} was last read at {}, which is beyond its age limit.',
                volume_id, second_of(expired_entitlement_observed_at)
            )
        END
    END AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
