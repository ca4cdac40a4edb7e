/*
code = "QOS204"
name = "live_cap_differs_from_sold"
title = "A live cap differs from the cap that was sold"
severity = "high"
what = """
A disk of a running guest whose live cap is another one than was sold: any of the six caps or its burst is
lower, higher, missing, or there though nothing was sold, or a burst lasts longer. Where nothing was sold, only
disks count whose control plane tells for any volume at all with which caps it was sold. The reason says what
changed within the last `days`, between which two runs, and whether the guest was moved or started anew in
between. Not told here: a cap sold in total and enforced on reads and writes apart, or the reverse (QOS106),
a burst that is too short or has no length (QOS206), and reads and writes that are swapped (QOS209). The
finding is `unknown` where caps were sold and the live ones could not be read, and where a disk is capped and
its entitlement is older than its age limit.
"""
why = """
The customer gets another ceiling than the offering has: less than was paid for, or as much as the host can
give, at the cost of its neighbours.
"""
example = """
The offering `gold` was edited from 500 to 1000 IOPS. Guests that were running then keep their cap of 500 until
they are next started. Or the cap was set by hand, and was lost when the guest migrated.
"""
mend = """
Set the cap on the host, with `virsh blkdeviotune --live --config`, or start the guest anew from the control
plane. For an `unknown` finding, see first why the guest does not answer, or why the control plane is no
longer read.
"""
origin = """
Platforms send caps when a disk is attached or a guest starts, and not when its offering is edited; what was
set beside them is gone after a migration.
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
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-1", sold_cap_total_iops = 100 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-2", sold_cap_read_iops = 100 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-3", sold_cap_write_iops = 100 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-4", sold_cap_total_bps = 100 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-5", sold_cap_read_bps = 100 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-6", sold_cap_write_bps = 100 },
]

[[fail]]
name = "each of the six caps is one below or above what was sold"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-1", cap_total_iops = 99 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-2", cap_read_iops = 101 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-3", cap_write_iops = 99 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-4", cap_total_bps = 101 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-5", device = "vda", state = "ok", volume_id = "vol-5", cap_read_bps = 99 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-6", device = "vda", state = "ok", volume_id = "vol-6", cap_write_bps = 101 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
observed = "99 IOPS in total"
expected = "100 IOPS in total"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-2/vda"
observed = "101 read IOPS"
expected = "100 read IOPS"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-3/vda"
observed = "99 write IOPS"
expected = "100 write IOPS"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-4/vda"
observed = "101 bytes/s in total"
expected = "100 bytes/s in total"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-5/vda"
observed = "99 read bytes/s"
expected = "100 read bytes/s"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-6/vda"
observed = "101 write bytes/s"
expected = "100 write bytes/s"

[[fail]]
name = "the cap is missing, or there though none was sold; so with bursts, and with one that lasts longer"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-a", sold_cap_total_iops = 100, sold_cap_total_iops_burst = 200, sold_cap_total_iops_burst_seconds = 10 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-none" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-plain", sold_cap_total_iops = 100 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-none", cap_read_bps = 5 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 100, cap_total_iops_burst = 200, cap_total_iops_burst_seconds = 11 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 100, cap_total_iops_burst = 201, cap_total_iops_burst_seconds = 10 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-5", device = "vda", state = "ok", volume_id = "vol-plain", cap_total_iops = 100, cap_total_iops_burst = 200 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "no cap on IOPS in total"
expected = "100 IOPS in total (burst 200 for 10 s)"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web has other live caps than were sold: no cap on IOPS in total; sold were 100 IOPS in total (burst 200 for 10 s)."
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-2/vda"
observed = "5 read bytes/s"
expected = "no cap on read bytes/s"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-3/vda"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-4/vda"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-5/vda"

[[fail]]
name = "reads and writes are swapped or in another form in one unit, and the other unit differs"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-iops", sold_cap_read_iops = 100, sold_cap_write_iops = 200, sold_cap_total_iops = 5, sold_cap_read_bps = 1, sold_cap_write_bps = 1 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-bps", sold_cap_read_bps = 100, sold_cap_write_bps = 200, sold_cap_total_bps = 5, sold_cap_read_iops = 1, sold_cap_write_iops = 1 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-total", sold_cap_total_iops = 100, sold_cap_total_bps = 100 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-iops", cap_read_iops = 200, cap_write_iops = 100, cap_total_iops = 6, cap_read_bps = 2, cap_write_bps = 1 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-bps", cap_read_bps = 200, cap_write_bps = 100, cap_total_bps = 6, cap_read_iops = 1, cap_write_iops = 2 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-total", cap_read_iops = 60, cap_write_iops = 60, cap_total_bps = 99 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-4", device = "vda", state = "ok", volume_id = "vol-total", cap_read_bps = 60, cap_write_bps = 60, cap_total_iops = 99 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
observed = "6 IOPS in total, 2 read bytes/s"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-2/vda"
observed = "2 write IOPS, 6 bytes/s in total"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-3/vda"
observed = "99 bytes/s in total"
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-4/vda"
observed = "99 IOPS in total"

[[fail]]
name = "for a period: from when the caps are lost with a migration until they are set again, and what was sold before"
moment = 2026-11-05T12:00:00Z
until = 2026-11-05T13:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "0", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm-1", run_id = "0", kind = "hypervisor", status = "ok", started_at = 2026-10-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:10:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:20:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "0", observed_at = 2026-10-05T12:00:00Z, volume_id = "vol-a", sold_cap_total_iops = 900 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_cap_total_iops = 1000 },
]
given.disk_io_stat = [
    { source = "kvm-1", run_id = "0", sampled_at = 2026-10-05T12:00:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, epoch = "a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-2", vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", epoch = "b" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:10:00Z, host_id = "host-2", vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", epoch = "b" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:20:00Z, host_id = "host-2", vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, epoch = "b" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
interval_start = 2026-11-05T12:01:00Z
interval_end = 2026-11-05T12:20:00Z
reason = "Disk vda of guest-1 has other live caps than were sold: no cap on IOPS in total; sold were 1000 IOPS in total. The disk had 1000 IOPS in total until run 0 of kvm-1 (2026-10-05 12:00 UTC) and no cap from run 1 of kvm (2026-11-05 12:01 UTC) on, after it moved from host-1 to host-2. Sold were 900 IOPS in total until run 0 of cloud (2026-10-05 12:00 UTC) and 1000 IOPS in total from run 1 of cloud (2026-11-05 12:00 UTC) on."

[[fail]]
name = "two sources tell different caps of one disk, at once, which is no change"
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "other", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-1", cap_total_iops = 99 },
    { source = "other", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-1", cap_total_iops = 100 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
reason = "Disk vda of guest-1 has other live caps than were sold: 99 IOPS in total; sold were 100 IOPS in total."

[[fail]]
name = "both changed a moment before the days that are looked back"
given.collection_run = [
    { source = "cloud", run_id = "0", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "0", kind = "hypervisor", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "0", observed_at = 2026-10-05T12:04:59Z, volume_id = "vol-a", sold_cap_total_iops = 900 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_cap_total_iops = 1000 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-10-05T12:04:59Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 500 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
reason = "Disk vda of guest-1 has other live caps than were sold: 500 IOPS in total; sold were 1000 IOPS in total."

[[fail]]
name = "caps were sold and could not be read, unlike those of a volume sold without"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-a", sold_cap_total_iops = 100 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-none" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "timeout", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "timeout", volume_id = "vol-none" },
]
[[fail.expect]]
status = "unknown"
resource_kind = "disk"
resource_id = "guest-1/vda"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "caps not read"
expected = "caps"
interval_start = 2026-11-05T12:01:00Z
reason = "Disk vda of web was sold with caps, and its caps could not be read (state timeout)."

[[fail]]
name = "a disk is capped and its entitlement is too old, unlike one without a cap"
moment = 2026-11-06T12:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-06T11:59:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "2", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-1", cap_total_iops = 100 },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-06T11:59:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-1" },
]
[[fail.expect]]
status = "unknown"
resource_id = "guest-1/vda"
observed = "caps"
expected = "entitlement too old"
reason = "Disk vda of web is capped, and the entitlement of its volume vol-1 was last read at 2026-11-05 12:00:00 UTC, which is beyond its age limit."

[[pass]]
name = "caps are as sold, swapped, in another form, or have bursts of another length, or the guest is off"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-a", sold_cap_total_iops = 100, sold_cap_total_iops_burst = 200, sold_cap_total_iops_burst_seconds = 10 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-apart", sold_cap_read_iops = 100, sold_cap_write_iops = 200, sold_cap_read_bps = 1000, sold_cap_write_bps = 2000 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 100, cap_total_iops_burst = 200, cap_total_iops_burst_seconds = 10 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 100, cap_total_iops_burst = 200, cap_total_iops_burst_seconds = 1 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 100, cap_total_iops_burst = 200 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-4", device = "vda", state = "off", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-5", device = "vda", state = "ok", volume_id = "vol-apart", cap_read_iops = 200, cap_write_iops = 100, cap_read_bps = 2000, cap_write_bps = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-6", device = "vda", state = "ok", volume_id = "vol-apart", cap_total_iops = 100, cap_total_bps = 100 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-7", device = "vda", state = "ok", volume_id = "vol-a", cap_read_iops = 100 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-8", device = "vda", state = "ok", cap_read_iops = 100 },
]

[[pass]]
name = "a disk is capped and its control plane tells of no caps at all, unlike another"
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "other", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, account_id = "acme", volume_id = "vol-a", sold_cap_total_iops = 100 },
    { source = "other", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", sold_cap_total_iops_burst = 5 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 100 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-b", cap_total_iops = 100 },
]
*/

WITH
-- one row per control plane that tells of any volume with which caps it was sold
telling AS (
    SELECT DISTINCT sold_source
    FROM volume_state
    WHERE is_capped(
        sold_cap_total_iops,
        sold_cap_read_iops,
        sold_cap_write_iops,
        sold_cap_total_bps,
        sold_cap_read_bps,
        sold_cap_write_bps
    )
),

-- one row per running disk and stretch of time in which a cap is another one than was sold, and which are
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
        COLUMNS('^(sold_)?cap_'),
        'caps' AS about,
        is_other_form(
            sold_cap_total_iops, sold_cap_read_iops, sold_cap_write_iops, cap_total_iops, cap_read_iops, cap_write_iops
        ) AS iops_in_other_form,
        is_other_form(
            sold_cap_total_bps, sold_cap_read_bps, sold_cap_write_bps, cap_total_bps, cap_read_bps, cap_write_bps
        ) AS bps_in_other_form,
        is_crossed(sold_cap_read_iops, sold_cap_write_iops, cap_read_iops, cap_write_iops) AS iops_swapped,
        is_crossed(sold_cap_read_bps, sold_cap_write_bps, cap_read_bps, cap_write_bps) AS bps_swapped,
        (
            NOT iops_in_other_form
            AND is_other_cap(
                sold_cap_total_iops,
                sold_cap_total_iops_burst,
                sold_cap_total_iops_burst_seconds,
                cap_total_iops,
                cap_total_iops_burst,
                cap_total_iops_burst_seconds
            )
        ) AS total_iops_differs,
        (
            NOT iops_in_other_form
            AND NOT iops_swapped
            AND is_other_cap(
                sold_cap_read_iops,
                sold_cap_read_iops_burst,
                sold_cap_read_iops_burst_seconds,
                cap_read_iops,
                cap_read_iops_burst,
                cap_read_iops_burst_seconds
            )
        ) AS read_iops_differs,
        (
            NOT iops_in_other_form
            AND NOT iops_swapped
            AND is_other_cap(
                sold_cap_write_iops,
                sold_cap_write_iops_burst,
                sold_cap_write_iops_burst_seconds,
                cap_write_iops,
                cap_write_iops_burst,
                cap_write_iops_burst_seconds
            )
        ) AS write_iops_differs,
        (
            NOT bps_in_other_form
            AND is_other_cap(
                sold_cap_total_bps,
                sold_cap_total_bps_burst,
                sold_cap_total_bps_burst_seconds,
                cap_total_bps,
                cap_total_bps_burst,
                cap_total_bps_burst_seconds
            )
        ) AS total_bps_differs,
        (
            NOT bps_in_other_form
            AND NOT bps_swapped
            AND is_other_cap(
                sold_cap_read_bps,
                sold_cap_read_bps_burst,
                sold_cap_read_bps_burst_seconds,
                cap_read_bps,
                cap_read_bps_burst,
                cap_read_bps_burst_seconds
            )
        ) AS read_bps_differs,
        (
            NOT bps_in_other_form
            AND NOT bps_swapped
            AND is_other_cap(
                sold_cap_write_bps,
                sold_cap_write_bps_burst,
                sold_cap_write_bps_burst_seconds,
                cap_write_bps,
                cap_write_bps_burst,
                cap_write_bps_burst_seconds
            )
        ) AS write_bps_differs
    FROM disk_on_volume
    SEMI JOIN telling USING (sold_source)
    WHERE
        state = 'ok'
        AND (
            total_iops_differs
            OR read_iops_differs
            OR write_iops_differs
            OR total_bps_differs
            OR read_bps_differs
            OR write_bps_differs
        )
),

-- one row per such disk, with the caps that differ in words
worded AS (
    SELECT
        *,
        concat_ws(
            ', ',
            cap_told(
                total_iops_differs, cap_total_iops, cap_total_iops_burst, cap_total_iops_burst_seconds, 'IOPS in total'
            ),
            cap_told(
                read_iops_differs, cap_read_iops, cap_read_iops_burst, cap_read_iops_burst_seconds, 'read IOPS'
            ),
            cap_told(
                write_iops_differs, cap_write_iops, cap_write_iops_burst, cap_write_iops_burst_seconds, 'write IOPS'
            ),
            cap_told(
                total_bps_differs, cap_total_bps, cap_total_bps_burst, cap_total_bps_burst_seconds, 'bytes/s in total'
            ),
            cap_told(
                read_bps_differs, cap_read_bps, cap_read_bps_burst, cap_read_bps_burst_seconds, 'read bytes/s'
            ),
            cap_told(
                write_bps_differs, cap_write_bps, cap_write_bps_burst, cap_write_bps_burst_seconds, 'write bytes/s'
            )
        ) AS live,
        concat_ws(
            ', ',
            cap_told(
                total_iops_differs,
                sold_cap_total_iops,
                sold_cap_total_iops_burst,
                sold_cap_total_iops_burst_seconds,
                'IOPS in total'
            ),
            cap_told(
                read_iops_differs,
                sold_cap_read_iops,
                sold_cap_read_iops_burst,
                sold_cap_read_iops_burst_seconds,
                'read IOPS'
            ),
            cap_told(
                write_iops_differs,
                sold_cap_write_iops,
                sold_cap_write_iops_burst,
                sold_cap_write_iops_burst_seconds,
                'write IOPS'
            ),
            cap_told(
                total_bps_differs,
                sold_cap_total_bps,
                sold_cap_total_bps_burst,
                sold_cap_total_bps_burst_seconds,
                'bytes/s in total'
            ),
            cap_told(
                read_bps_differs,
                sold_cap_read_bps,
                sold_cap_read_bps_burst,
                sold_cap_read_bps_burst_seconds,
                'read bytes/s'
            ),
            cap_told(
                write_bps_differs,
                sold_cap_write_bps,
                sold_cap_write_bps_burst,
                sold_cap_write_bps_burst_seconds,
                'write bytes/s'
            )
        ) AS offered
    FROM problem
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
        format('Disk {} of {} has other live caps than were sold: {}; sold were {}.', device, vm, live, offered),
        ' The disk had ' || configured.told || '.',
        ' Sold were ' || sold.told || '.'
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM worded
LEFT JOIN configured USING (vm_id, device, valid_from)
LEFT JOIN sold USING (volume_id, stretch, about)
UNION ALL
SELECT
    'unknown' AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    CASE WHEN capped THEN 'caps' ELSE 'caps not read' END AS observed,
    CASE WHEN capped THEN 'entitlement too old' ELSE 'caps' END AS expected,
    NULL::VARCHAR AS unit,
    CASE
        WHEN capped THEN format(
            'Disk {} of {} is capped, and the entitlement of its volume {} was last read at {}, which is beyond its age limit.',
            device, vm, volume_id, second_of(expired_entitlement_observed_at)
        )
        ELSE format('Disk {} of {} was sold with caps, and its caps could not be read (state {}).', device, vm, state)
    END AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM disk_on_volume
WHERE
    (capped AND expired_entitlement_observed_at IS NOT NULL)
    OR (
        capped IS NULL
        AND is_capped(
            sold_cap_total_iops,
            sold_cap_read_iops,
            sold_cap_write_iops,
            sold_cap_total_bps,
            sold_cap_read_bps,
            sold_cap_write_bps
        )
    )
