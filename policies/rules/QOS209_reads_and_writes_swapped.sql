/*
code = "QOS209"
name = "reads_and_writes_swapped"
title = "The caps on reads and writes are swapped"
severity = "high"
what = """
A disk whose live cap on reads is what was sold for writes, and whose cap on writes is what was sold for
reads; in operations or in bytes. Where either side changed within the last `days`, the reason says from
what to what, and between which two runs. Whether caps that could not be read are swapped is not asked
here: QOS204 says of which disks they are not known.
"""
why = """
A database that was sold 10000 reads and 1000 writes per second gets a tenth of its reads. All four
numbers are those of the offering, so nobody sees it who looks at one system alone.
"""
example = """
An offering has 800 reads and 200 writes per second. On the host disk `vda` is capped at 200 reads and 800
writes.
"""
mend = """
Set both caps on the host, with `virsh blkdeviotune --live --config`, and find where they are swapped: mostly
in the agent or its version, so that other disks have it too.
"""
origin = """
Releases of a cloud platform passed the rate of writes as that of reads, and the reverse, when they
attached a disk to a running guest.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "days"
unit = "days"
default = 31
meaning = "how far back from the judged time the reason looks for what was different"

[given]
collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme", sold_cap_read_iops = 800, sold_cap_write_iops = 200 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", account_id = "acme", sold_cap_read_iops = 800, sold_cap_write_iops = 200, sold_cap_read_bps = 8000, sold_cap_write_bps = 2000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-even", account_id = "acme", sold_cap_read_iops = 800, sold_cap_write_iops = 800, sold_cap_read_bps = 8000, sold_cap_write_bps = 8000 },
]

[[fail]]
name = "operations are swapped, or bytes, or both"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 200, cap_write_iops = 800 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-b", cap_read_iops = 800, cap_write_iops = 200, cap_read_bps = 2000, cap_write_bps = 8000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-b", cap_read_iops = 200, cap_write_iops = 800, cap_read_bps = 2000, cap_write_bps = 8000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "200 read IOPS, 800 write IOPS"
expected = "800 read IOPS, 200 write IOPS"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web has the caps on reads and writes swapped: 200 read IOPS, 800 write IOPS; sold were 800 read IOPS, 200 write IOPS."
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-2/vda"
observed = "2000 read bytes/s, 8000 write bytes/s"
expected = "8000 read bytes/s, 2000 write bytes/s"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-3/vda"
observed = "200 read IOPS, 800 write IOPS, 2000 read bytes/s, 8000 write bytes/s"
expected = "800 read IOPS, 200 write IOPS, 8000 read bytes/s, 2000 write bytes/s"

[[fail]]
name = "for a period: from when the guest is started anew until its caps are set right, and what was before"
moment = 2026-11-05T12:00:00Z
until = 2026-11-05T13:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "0", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "0", kind = "hypervisor", status = "ok", started_at = 2026-10-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:10:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:20:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "0", observed_at = 2026-10-05T12:00:00Z, volume_id = "vol-a" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_cap_read_iops = 800, sold_cap_write_iops = 200 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-10-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 800, cap_write_iops = 200, epoch = "a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 200, cap_write_iops = 800, epoch = "b" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 200, cap_write_iops = 800, epoch = "c" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:20:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 800, cap_write_iops = 200, epoch = "c" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
interval_start = 2026-11-05T12:01:00Z
interval_end = 2026-11-05T12:20:00Z
reason = "Disk vda of guest-1 has the caps on reads and writes swapped: 200 read IOPS, 800 write IOPS; sold were 800 read IOPS, 200 write IOPS. The disk had 800 read IOPS, 200 write IOPS until run 0 of kvm (2026-10-05 12:00 UTC) and 200 read IOPS, 800 write IOPS from run 1 of kvm (2026-11-05 12:01 UTC) on, after it was started anew. Sold were no cap until run 0 of cloud (2026-10-05 12:00 UTC) and 800 read IOPS, 200 write IOPS from run 1 of cloud (2026-11-05 12:00 UTC) on."

[[fail]]
name = "both changed a moment before the days that are looked back"
given.collection_run = [
    { source = "cloud", run_id = "0", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "0", kind = "hypervisor", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "0", observed_at = 2026-10-05T12:04:59Z, volume_id = "vol-a" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_cap_read_iops = 800, sold_cap_write_iops = 200 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-10-05T12:04:59Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 200, cap_write_iops = 800 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
reason = "Disk vda of guest-1 has the caps on reads and writes swapped: 200 read IOPS, 800 write IOPS; sold were 800 read IOPS, 200 write IOPS."

[[pass]]
name = "one cap alone is that of the other direction, both are right, or the same, or caps are not read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 200, cap_write_iops = 200 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 800, cap_write_iops = 200 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-even", cap_read_iops = 800, cap_write_iops = 800, cap_read_bps = 8000, cap_write_bps = 8000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-4", device = "vda", state = "timeout", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-5", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 300, cap_write_iops = 800 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-6", device = "vda", state = "ok", cap_read_iops = 200, cap_write_iops = 800 },
]
*/

WITH
-- one row per disk and stretch of time in which reads and writes are swapped, with both in words
problem AS (
    SELECT
        vm_id,
        device,
        vm,
        volume_id,
        stretch,
        account_id,
        sold_source,
        valid_from,
        valid_to,
        'caps' AS about,
        is_crossed(sold_cap_read_iops, sold_cap_write_iops, cap_read_iops, cap_write_iops) AS are_operations,
        is_crossed(sold_cap_read_bps, sold_cap_write_bps, cap_read_bps, cap_write_bps) AS are_bytes,
        concat_ws(
            ', ',
            CASE WHEN are_operations THEN format('{} read IOPS, {} write IOPS', cap_read_iops, cap_write_iops) END,
            CASE WHEN are_bytes THEN format('{} read bytes/s, {} write bytes/s', cap_read_bps, cap_write_bps) END
        ) AS live,
        concat_ws(
            ', ',
            CASE
                WHEN are_operations THEN format('{} read IOPS, {} write IOPS', sold_cap_read_iops, sold_cap_write_iops)
            END,
            CASE
                WHEN are_bytes THEN format('{} read bytes/s, {} write bytes/s', sold_cap_read_bps, sold_cap_write_bps)
            END
        ) AS offered
    FROM disk_on_volume
    WHERE are_operations OR are_bytes
),

-- one row per such disk that had other caps before
configured AS (FROM live_change('problem', $period_start - to_days($days))),

-- one row per such disk's volume that was sold with other caps before
sold AS (FROM sold_change('problem', $period_start - to_days($days)))

SELECT
    'violation' AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    live AS observed,
    offered AS expected,
    NULL::VARCHAR AS unit,
    concat(
        format('Disk {} of {} has the caps on reads and writes swapped: {}; sold were {}.', device, vm, live, offered),
        ' The disk had ' || configured.told || '.',
        ' Sold were ' || sold.told || '.'
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
LEFT JOIN configured USING (vm_id, device, valid_from)
LEFT JOIN sold USING (volume_id, stretch, about)
