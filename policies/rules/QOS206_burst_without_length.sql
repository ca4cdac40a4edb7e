/*
code = "QOS206"
name = "burst_without_length"
title = "A burst has no length, or a shorter one than was sold"
severity = "medium"
what = """
A disk whose hypervisor cap has a burst but not how long it may last, or one that lasts shorter than
the length sold for it; and a volume sold with a burst of the cap that has no length. Each of the six
caps has its own burst. A burst that is longer than sold, or missing, is another finding (QOS204).
Where either side changed within the last `days`, the reason says from what to what, and between which
two runs.
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
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-3", device = "vda", state = "ok", cap_write_iops_burst = 5000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-4", device = "vda", state = "ok", cap_total_bps_burst = 5000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:59:00Z, vm_id = "guest-5", device = "vda", state = "ok", cap_read_bps_burst = 5000 },
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
[[fail.expect]]
status = "violation"
resource_id = "guest-3/vda"
[[fail.expect]]
status = "violation"
resource_id = "guest-4/vda"
[[fail.expect]]
status = "violation"
resource_id = "guest-5/vda"

[[fail]]
name = "each of the caps has a burst of its own"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-apart", cap_read_iops_burst = 300, cap_read_iops_burst_seconds = 9, cap_write_iops_burst = 200, cap_write_iops_burst_seconds = 9, cap_total_bps_burst = 9000, cap_total_bps_burst_seconds = 9 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-bytes", cap_read_bps_burst = 3000, cap_read_bps_burst_seconds = 9, cap_write_bps_burst = 2000, cap_write_bps_burst_seconds = 9 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/vda"
observed = "300 read IOPS for 9 s, 200 write IOPS for 9 s, 9000 bytes/s in total for 9 s"
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
interval_start = 2026-11-06T12:00:00Z
reason = "Disk vda of web has a burst (5000 IOPS in total for 6 s), and the entitlement of its volume vol-a was last read at 2026-11-05 12:00:00 UTC, which is beyond its age limit."

[[fail]]
name = "for a period: from when the length is dropped until it is back, what was before, and what was sold until then"
moment = 2026-11-05T12:00:00Z
until = 2026-11-05T13:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "0", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:30:00Z },
    { source = "kvm", run_id = "0", kind = "hypervisor", status = "ok", started_at = 2026-10-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:10:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:20:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "0", observed_at = 2026-10-05T12:00:00Z, volume_id = "vol-a", sold_cap_total_iops = 1000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_cap_total_iops = 1000, sold_cap_total_iops_burst = 5000, sold_cap_total_iops_burst_seconds = 60 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T12:30:00Z, volume_id = "vol-a", sold_cap_total_iops = 1000, sold_cap_total_iops_burst = 5000, sold_cap_total_iops_burst_seconds = 60 },
    { source = "cloud", run_id = "0", observed_at = 2026-10-05T12:00:00Z, volume_id = "vol-b", sold_cap_total_iops = 1000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", sold_cap_total_iops = 1000, sold_cap_total_iops_burst = 5000 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-10-05T12:00:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 60, epoch = "a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 1, epoch = "a" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 1, epoch = "b" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:20:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 60, epoch = "b" },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
interval_start = 2026-11-05T12:01:00Z
interval_end = 2026-11-05T12:20:00Z
reason = "Disk vda of guest-1 has a burst without its length: 5000 IOPS in total for 1 s, sold for 60 s. The disk had 1000 IOPS in total (burst 5000 for 60 s) until run 0 of kvm (2026-10-05 12:00 UTC) and 1000 IOPS in total (burst 5000 for 1 s) from run 1 of kvm (2026-11-05 12:01 UTC) on. Sold were 1000 IOPS in total until run 0 of cloud (2026-10-05 12:00 UTC) and 1000 IOPS in total (burst 5000 for 60 s) from run 1 of cloud (2026-11-05 12:00 UTC) on."
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
interval_start = 2026-11-05T12:00:00Z
interval_end = 2026-11-05T12:30:00Z
reason = "Volume vol-b was sold with a burst without a length: 5000 IOPS in total. Sold were 1000 IOPS in total until run 0 of cloud (2026-10-05 12:00 UTC) and 1000 IOPS in total (burst 5000) from run 1 of cloud (2026-11-05 12:00 UTC) on."

[[fail]]
name = "all of it changed a moment before the days that are looked back"
given.collection_run = [
    { source = "cloud", run_id = "0", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "0", kind = "hypervisor", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "0", observed_at = 2026-10-05T12:04:59Z, volume_id = "vol-a", sold_cap_total_iops = 1000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_cap_total_iops = 1000, sold_cap_total_iops_burst = 5000 },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-10-05T12:04:59Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_total_iops_burst = 5000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "disk"
resource_id = "guest-1/vda"
reason = "Disk vda of guest-1 has a burst without its length: 5000 IOPS in total without a length."
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
reason = "Volume vol-a was sold with a burst without a length: 5000 IOPS in total."

[[pass]]
name = "the burst lasts as long as was sold, or longer, or is not there at all"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 60 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 61 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-3", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-4", device = "vda", state = "off", volume_id = "vol-a" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-5", device = "vda", state = "timeout", volume_id = "vol-a", cap_total_iops = 1000, cap_total_iops_burst = 5000, cap_total_iops_burst_seconds = 60 },
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
-- one row per disk and stretch of time in which a burst lacks its length, and which do
short AS (
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
        COLUMNS('^(sold_)?cap_.*burst'),
        'caps' AS about,
        is_short_burst(
            cap_total_iops_burst, cap_total_iops_burst_seconds, sold_cap_total_iops_burst, sold_cap_total_iops_burst_seconds
        ) AS total_iops_is_short,
        is_short_burst(
            cap_read_iops_burst, cap_read_iops_burst_seconds, sold_cap_read_iops_burst, sold_cap_read_iops_burst_seconds
        ) AS read_iops_is_short,
        is_short_burst(
            cap_write_iops_burst, cap_write_iops_burst_seconds, sold_cap_write_iops_burst, sold_cap_write_iops_burst_seconds
        ) AS write_iops_is_short,
        is_short_burst(
            cap_total_bps_burst, cap_total_bps_burst_seconds, sold_cap_total_bps_burst, sold_cap_total_bps_burst_seconds
        ) AS total_bps_is_short,
        is_short_burst(
            cap_read_bps_burst, cap_read_bps_burst_seconds, sold_cap_read_bps_burst, sold_cap_read_bps_burst_seconds
        ) AS read_bps_is_short,
        is_short_burst(
            cap_write_bps_burst, cap_write_bps_burst_seconds, sold_cap_write_bps_burst, sold_cap_write_bps_burst_seconds
        ) AS write_bps_is_short
    FROM disk_on_volume
    WHERE
        total_iops_is_short
        OR read_iops_is_short
        OR write_iops_is_short
        OR total_bps_is_short
        OR read_bps_is_short
        OR write_bps_is_short
),

-- one row per such disk, with these bursts in words
problem AS (
    SELECT
        *,
        concat_ws(
            ', ',
            burst_told(total_iops_is_short, cap_total_iops_burst, cap_total_iops_burst_seconds, 'IOPS in total'),
            burst_told(read_iops_is_short, cap_read_iops_burst, cap_read_iops_burst_seconds, 'read IOPS'),
            burst_told(write_iops_is_short, cap_write_iops_burst, cap_write_iops_burst_seconds, 'write IOPS'),
            burst_told(total_bps_is_short, cap_total_bps_burst, cap_total_bps_burst_seconds, 'bytes/s in total'),
            burst_told(read_bps_is_short, cap_read_bps_burst, cap_read_bps_burst_seconds, 'read bytes/s'),
            burst_told(write_bps_is_short, cap_write_bps_burst, cap_write_bps_burst_seconds, 'write bytes/s')
        ) AS live,
        concat_ws(
            '; ',
            burst_told_and_sold(
                total_iops_is_short,
                cap_total_iops_burst,
                cap_total_iops_burst_seconds,
                sold_cap_total_iops_burst,
                sold_cap_total_iops_burst_seconds,
                'IOPS in total'
            ),
            burst_told_and_sold(
                read_iops_is_short,
                cap_read_iops_burst,
                cap_read_iops_burst_seconds,
                sold_cap_read_iops_burst,
                sold_cap_read_iops_burst_seconds,
                'read IOPS'
            ),
            burst_told_and_sold(
                write_iops_is_short,
                cap_write_iops_burst,
                cap_write_iops_burst_seconds,
                sold_cap_write_iops_burst,
                sold_cap_write_iops_burst_seconds,
                'write IOPS'
            ),
            burst_told_and_sold(
                total_bps_is_short,
                cap_total_bps_burst,
                cap_total_bps_burst_seconds,
                sold_cap_total_bps_burst,
                sold_cap_total_bps_burst_seconds,
                'bytes/s in total'
            ),
            burst_told_and_sold(
                read_bps_is_short,
                cap_read_bps_burst,
                cap_read_bps_burst_seconds,
                sold_cap_read_bps_burst,
                sold_cap_read_bps_burst_seconds,
                'read bytes/s'
            ),
            burst_told_and_sold(
                write_bps_is_short,
                cap_write_bps_burst,
                cap_write_bps_burst_seconds,
                sold_cap_write_bps_burst,
                sold_cap_write_bps_burst_seconds,
                'write bytes/s'
            )
        ) AS live_and_sold,
        lengths_told(
            [
                length_told(total_iops_is_short, sold_cap_total_iops_burst, sold_cap_total_iops_burst_seconds),
                length_told(read_iops_is_short, sold_cap_read_iops_burst, sold_cap_read_iops_burst_seconds),
                length_told(write_iops_is_short, sold_cap_write_iops_burst, sold_cap_write_iops_burst_seconds),
                length_told(total_bps_is_short, sold_cap_total_bps_burst, sold_cap_total_bps_burst_seconds),
                length_told(read_bps_is_short, sold_cap_read_bps_burst, sold_cap_read_bps_burst_seconds),
                length_told(write_bps_is_short, sold_cap_write_bps_burst, sold_cap_write_bps_burst_seconds)
            ]
        ) AS lengths
    FROM short
),

-- one row per such disk that had other caps before
configured AS (FROM live_change('problem', $period_start - to_days($days))),

-- one row per such disk's volume that was sold with other caps before
sold AS (FROM sold_change('problem', $period_start - to_days($days))),

-- one row per disk and stretch of time of which nobody can tell whether its bursts last as long as was sold
open AS (
    SELECT
        vm_id,
        device,
        vm,
        volume_id,
        account_id,
        state,
        expired_entitlement_observed_at,
        valid_from,
        valid_to,
        nullif(
            concat_ws(
                ', ',
                burst_told(true, cap_total_iops_burst, cap_total_iops_burst_seconds, 'IOPS in total'),
                burst_told(true, cap_read_iops_burst, cap_read_iops_burst_seconds, 'read IOPS'),
                burst_told(true, cap_write_iops_burst, cap_write_iops_burst_seconds, 'write IOPS'),
                burst_told(true, cap_total_bps_burst, cap_total_bps_burst_seconds, 'bytes/s in total'),
                burst_told(true, cap_read_bps_burst, cap_read_bps_burst_seconds, 'read bytes/s'),
                burst_told(true, cap_write_bps_burst, cap_write_bps_burst_seconds, 'write bytes/s')
            ),
            ''
        ) AS live,
        lengths_told(
            [
                length_told(true, sold_cap_total_iops_burst, sold_cap_total_iops_burst_seconds),
                length_told(true, sold_cap_read_iops_burst, sold_cap_read_iops_burst_seconds),
                length_told(true, sold_cap_write_iops_burst, sold_cap_write_iops_burst_seconds),
                length_told(true, sold_cap_total_bps_burst, sold_cap_total_bps_burst_seconds),
                length_told(true, sold_cap_read_bps_burst, sold_cap_read_bps_burst_seconds),
                length_told(true, sold_cap_write_bps_burst, sold_cap_write_bps_burst_seconds)
            ]
        ) AS lengths
    FROM disk_on_volume
    WHERE
        (capped IS NULL AND live IS NULL AND lengths IS NOT NULL)
        OR (live IS NOT NULL AND expired_entitlement_observed_at IS NOT NULL)
),

-- one row per volume and stretch of time in which it was sold with a burst without a length, in words
endless AS (
    SELECT
        *,
        'caps' AS about,
        nullif(
            concat_ws(
                ', ',
                CASE WHEN sold_cap_total_iops_burst_seconds IS NULL THEN sold_cap_total_iops_burst || ' IOPS in total' END,
                CASE WHEN sold_cap_read_iops_burst_seconds IS NULL THEN sold_cap_read_iops_burst || ' read IOPS' END,
                CASE WHEN sold_cap_write_iops_burst_seconds IS NULL THEN sold_cap_write_iops_burst || ' write IOPS' END,
                CASE WHEN sold_cap_total_bps_burst_seconds IS NULL THEN sold_cap_total_bps_burst || ' bytes/s in total' END,
                CASE WHEN sold_cap_read_bps_burst_seconds IS NULL THEN sold_cap_read_bps_burst || ' read bytes/s' END,
                CASE WHEN sold_cap_write_bps_burst_seconds IS NULL THEN sold_cap_write_bps_burst || ' write bytes/s' END
            ),
            ''
        ) AS offered
    FROM volume_state
    WHERE offered IS NOT NULL
),

-- one row per such volume that was sold with other caps before
endless_since AS (FROM sold_change('endless', $period_start - to_days($days)))

SELECT
    'violation' AS status,
    'disk' AS resource_kind,
    vm_id || '/' || device AS resource_id,
    vm_id,
    volume_id,
    account_id,
    live AS observed,
    coalesce(lengths, 'a length') AS expected,
    NULL::VARCHAR AS unit,
    concat(
        format('Disk {} of {} has a burst without its length: {}.', device, vm, live_and_sold),
        ' The disk had ' || configured.told || '.',
        ' Sold were ' || sold.told || '.'
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
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
    coalesce(live, 'caps not read') AS observed,
    coalesce(lengths, 'entitlement too old') AS expected,
    NULL::VARCHAR AS unit,
    format('Disk {} of {} ', device, vm)
    || CASE
        WHEN live IS NULL THEN format('was sold with a burst, and its caps could not be read (state {}).', state)
        ELSE format(
            'has a burst ({}), and the entitlement of its volume {} was last read at {}, which is beyond its age limit.',
            live, volume_id, second_of(expired_entitlement_observed_at)
        )
    END AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM open
UNION ALL
SELECT
    'violation' AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    sold_vm_id AS vm_id,
    volume_id,
    account_id,
    offered AS observed,
    'a length' AS expected,
    NULL::VARCHAR AS unit,
    concat(
        format('Volume {} was sold with a burst without a length: {}.', volume, offered),
        ' Sold were ' || endless_since.told || '.'
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM endless
LEFT JOIN endless_since USING (volume_id, stretch, about)
