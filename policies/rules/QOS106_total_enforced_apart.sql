/*
code = "QOS106"
name = "total_enforced_apart"
title = "A cap sold in total is enforced on reads and writes apart, with another sum, or the reverse"
severity = "high"
what = """
A disk that was sold with a cap in total and is capped in reads and writes apart, or the reverse, where
both together come to another number than was sold; in operations or in bytes. A cap on one direction
alone leaves the sum open, which is another sum too. The finding is `unknown` where the disk's caps
could not be read and a cap was sold, and where the entitlement of a capped disk's volume is older
than its age limit.
"""
why = """
A total cannot be split into reads and writes, nor the reverse, without changing what the customer
gets. 1000 in total, put on reads and on writes, is 2000; 1000 on reads alone, made a total, slows
the writes that nobody meant to limit.
"""
example = """
An offering has 1000 IOPS in total. The host's driver knows only reads and writes, and disk `vda` is
capped at 1000 reads and 1000 writes per second.
"""
mend = """
Where the hypervisor has the axes that were sold, cap those. Where it has not, choose caps whose sum
is what was sold, and say so in the offering. For an `unknown` finding, see first why the guest does
not answer, or why the control plane is no longer read.
"""
origin = """
Platforms turn one form into the other: for some hypervisors a platform adds the rates of reads and
writes up to one limit, so that a throttle of 1000 reads becomes one of 1000 operations in total.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-total", account_id = "acme", sold_cap_total_iops = 1000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-apart", account_id = "acme", sold_cap_read_iops = 600, sold_cap_write_iops = 400 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-reads", account_id = "acme", sold_cap_read_iops = 1000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-bytes", account_id = "acme", sold_cap_total_bps = 100000000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-plain", account_id = "acme" },
]

[[fail]]
name = "sold in total, enforced on reads and on writes"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-total", cap_read_iops = 1000, cap_write_iops = 1000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-total"
account_id = "acme"
observed = "1000 IOPS on reads and 1000 IOPS on writes (2000 IOPS together)"
expected = "1000 IOPS in total"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web was sold with a cap of 1000 IOPS in total, and is capped at 1000 IOPS on reads and 1000 IOPS on writes (2000 IOPS together)."

[[fail]]
name = "sold apart, enforced in total with another sum, sampled before it was sold so"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-apart", cap_total_iops = 999 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "999 IOPS in total"
interval_start = 2026-11-05T12:00:00Z

[[fail]]
name = "one direction alone stands for a total, or a total for one direction"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-total", cap_write_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-reads", cap_total_iops = 1000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "1000 IOPS on writes alone"
[[fail.expect]]
status = "violation"
resource_id = "guest-2/vda"
expected = "1000 IOPS on reads alone"

[[fail]]
name = "sold in total in bytes, enforced on reads and on writes"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-bytes", cap_read_bps = 50000000, cap_write_bps = 50000001 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-bytes", cap_read_bps = 50000000, cap_write_bps = 50000000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "50000000 bytes/s on reads and 50000001 bytes/s on writes (100000001 bytes/s together)"

[[fail]]
name = "a cap was sold and the caps could not be read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "timeout", volume_id = "vol-apart" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", vm_name = "shop", device = "vda", state = "timeout", volume_id = "vol-plain" },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "caps not read"
expected = "600 IOPS on reads and 400 IOPS on writes (1000 IOPS together)"
reason = "Disk vda of web was sold with a cap of 600 IOPS on reads and 400 IOPS on writes (1000 IOPS together), and its caps could not be read (state timeout)."

[[fail]]
name = "the disk is capped and the entitlement of its volume is too old, unlike one that another cloud took over"
moment = 2026-11-06T12:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud-2", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-06T11:58:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-06T11:59:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-total", sold_cap_total_iops = 1000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-moved", sold_cap_total_iops = 1000 },
    { source = "cloud-2", run_id = "1", observed_at = 2026-11-06T11:58:00Z, volume_id = "vol-moved", sold_cap_total_iops = 1000 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-total", cap_read_iops = 500, cap_write_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-total" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-moved", cap_read_iops = 500, cap_write_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_total_iops = 500 },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "500 IOPS on reads and 500 IOPS on writes (1000 IOPS together)"
expected = "entitlement too old"
interval_start = 2026-11-06T12:00:00Z
reason = "Disk vda of web is capped at 500 IOPS on reads and 500 IOPS on writes (1000 IOPS together), and the entitlement of its volume vol-total was last read at 2026-11-05 12:00:00 UTC, which is beyond its age limit."

[[fail]]
name = "the cap is put on reads and writes with one run, and sold anew with another"
until = 2026-11-05T15:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T13:30:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_cap_total_iops = 1000 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T13:30:00Z, volume_id = "vol-a", sold_cap_total_iops = 2000 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 1000, cap_write_iops = 1000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
expected = "1000 IOPS in total"
interval_start = 2026-11-05T13:01:00Z
interval_end = 2026-11-05T13:30:00Z

[[pass]]
name = "the other form with the same sum, and the same form with another (QOS204 compares those)"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-total", cap_read_iops = 300, cap_write_iops = 700 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-apart", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-total", cap_total_iops = 500 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-apart", cap_read_iops = 500, cap_write_iops = 900 },
]

[[pass]]
name = "no cap was sold, or none is set, and a guest that is off"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-plain", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-total" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "off", volume_id = "vol-total" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-elsewhere", cap_total_iops = 1000 },
]
*/

WITH
-- one row per disk and stretch of time in which a cap changed its form and its sum, or nobody can tell
problem AS (
    SELECT
        *,
        CASE
            WHEN
                capped IS NULL
                AND is_capped(
                    sold_cap_total_iops, sold_cap_read_iops, sold_cap_write_iops,
                    sold_cap_total_bps, sold_cap_read_bps, sold_cap_write_bps
                )
                THEN 'caps not read'
            WHEN capped AND expired_entitlement_observed_at IS NOT NULL THEN 'entitlement too old'
            WHEN
                is_sum_changed(
                    sold_cap_total_iops, sold_cap_read_iops, sold_cap_write_iops,
                    cap_total_iops, cap_read_iops, cap_write_iops
                )
                THEN 'operations'
            WHEN
                is_sum_changed(
                    sold_cap_total_bps, sold_cap_read_bps, sold_cap_write_bps, cap_total_bps, cap_read_bps, cap_write_bps
                )
                THEN 'bytes'
        END AS kind
    FROM disk_on_volume
    WHERE kind IS NOT NULL
),

-- one row per such disk and stretch of time: what was sold and what is enforced, each in words
worded AS (
    SELECT
        *,
        cap_in_words(sold_cap_total_iops, sold_cap_read_iops, sold_cap_write_iops, 'IOPS') AS sold_iops,
        cap_in_words(sold_cap_total_bps, sold_cap_read_bps, sold_cap_write_bps, 'bytes/s') AS sold_bps,
        cap_in_words(cap_total_iops, cap_read_iops, cap_write_iops, 'IOPS') AS live_iops,
        cap_in_words(cap_total_bps, cap_read_bps, cap_write_bps, 'bytes/s') AS live_bps
    FROM problem
),

-- one row per such disk and stretch of time: the words for the caps in question
told AS (
    SELECT
        *,
        CASE kind
            WHEN 'operations' THEN sold_iops
            WHEN 'bytes' THEN sold_bps
            ELSE concat_ws(' and ', sold_iops, sold_bps)
        END AS sold_cap,
        CASE kind
            WHEN 'operations' THEN live_iops
            WHEN 'bytes' THEN live_bps
            ELSE concat_ws(' and ', live_iops, live_bps)
        END AS live_cap
    FROM worded
)

SELECT
    CASE WHEN kind IN ('operations', 'bytes') THEN 'violation' ELSE 'unknown' END AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    CASE kind WHEN 'caps not read' THEN kind ELSE live_cap END AS observed,
    CASE kind WHEN 'entitlement too old' THEN kind ELSE sold_cap END AS expected,
    NULL::VARCHAR AS unit,
    CASE kind
        WHEN 'caps not read' THEN format(
            'Disk {} of {} was sold with a cap of {}, and its caps could not be read (state {}).', device, vm, sold_cap, state
        )
        WHEN 'entitlement too old' THEN format(
            'Disk {} of {} is capped at {}, and the entitlement of its volume {} was last read at {}, which is beyond its age limit.',
            device, vm, live_cap, volume_id, second_of(expired_entitlement_observed_at)
        )
        ELSE format('Disk {} of {} was sold with a cap of {}, and is capped at {}.', device, vm, sold_cap, live_cap)
    END AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM told
