/*
code = "QOS108"
name = "shared_throttle_group"
title = "Disks share one throttle group, so none has its cap for itself"
severity = "medium"
what = """
Two or more disks of one guest in one throttle group (`group_name` in `<iotune>`, or a throttle filter),
of which at least one is capped. There is one finding for each group; it names the disks with their
caps, and says where disks that are in this group alone are set to different caps: then the caps that
were set last hold for all of them. A group with one disk is no finding, so the bucket of its own that
QEMU gives to every disk is none either. A disk with several groups, named with commas between them, is
in each of them. Of a guest that could not be read nothing is said (QOS404).
"""
why = """
A group has one bucket. Its disks get together what each of them was sold for itself, in shares that
depend on which of them is busy, so what a volume can be counted on to deliver is not its cap, and
whether it is at its cap cannot be told from its own rate.
"""
example = """
Disks `vda` and `vdb` of guest `web` are in group `db` with 1000 IOPS each. A backup of `vdb` takes 900
of them, and `vda`, which was sold with 1000, gets 100.
"""
mend = """
Take the disks out of the group, so that each has its own cap; or sell the group's cap once, for the
guest, and exempt it. Where the caps differ, set all members to the same.
"""
origin = """
QEMU's manual: the disks of a group share one limit, and where their limits differ the last one set
holds. A platform that copies one disk's definition to another copies the group's name with it.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm-2", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-other", account_id = "aardvark" },
]

[[fail]]
name = "two disks share a cap, and a third has a group of its own"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", vm_name = "web", device = "vdb", state = "ok", volume_id = "vol-b", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", vm_name = "web", device = "vdc", state = "ok", volume_id = "vol-c", cap_total_iops = 9000, cap_group = "own" },
]
[[fail.expect]]
status = "violation"
resource_kind = "throttle group"
resource_id = "guest-1/db"
vm_id = "guest-1"
account_id = "acme"
observed = "vda (volume vol-a, 1000 IOPS in total), vdb (volume vol-b, 1000 IOPS in total)"
expected = "one disk in each group"
interval_start = 2026-11-05T12:01:00Z
reason = "Disks vda (volume vol-a, 1000 IOPS in total), vdb (volume vol-b, 1000 IOPS in total) of web share throttle group db: together they get what each is set to."

[[fail]]
name = "members disagree, one in a cap and one in a burst, and hosts without a name"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", device = "vdb", state = "ok", cap_read_iops = 500, cap_write_bps = 1000, cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vda", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", device = "vdb", state = "ok", cap_total_iops_burst = 2000, cap_total_iops = 1000, cap_group = "db" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/db"
reason = "Disks vda (1000 IOPS in total), vdb (500 read IOPS, 1000 write bytes/s) of guest-1 share throttle group db: together they get what each is set to, and as they are set to different caps, the last one that was set."
[[fail.expect]]
status = "violation"
resource_id = "guest-2/db"
reason = "Disks vda (1000 IOPS in total), vdb (1000 IOPS in total) of guest-2 share throttle group db: together they get what each is set to, and as they are set to different caps, the last one that was set."

[[fail]]
name = "disks pass several groups and share one, whose caps cannot be told from the lowest of all"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 100, cap_group = "gold,guest" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vdb", state = "ok", cap_total_iops = 300, cap_group = "guest" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vdc", state = "off", cap_total_iops = 200, cap_group = "guest,silver" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/guest"
observed = "vda (100 IOPS in total), vdb (300 IOPS in total), vdc (200 IOPS in total)"
reason = "Disks vda (100 IOPS in total), vdb (300 IOPS in total), vdc (200 IOPS in total) of guest-1 share throttle group guest: together they get what each is set to."

[[fail]]
name = "a member comes with one run, another cap with the next, the account changes, and the group is given up with the last"
until = 2026-11-05T16:00:00Z
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T14:31:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:01:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T14:01:00Z },
    { source = "kvm", run_id = "4", kind = "hypervisor", status = "ok", started_at = 2026-11-05T15:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", account_id = "acme" },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T14:31:00Z, volume_id = "vol-a", account_id = "beta" },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vdb", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T14:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T14:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vdb", state = "ok", cap_group = "db" },
    { source = "kvm", run_id = "4", sampled_at = 2026-11-05T15:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", volume_id = "vol-a", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "4", sampled_at = 2026-11-05T15:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vdb", state = "ok", cap_total_iops = 1000 },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/db"
observed = "vda (volume vol-a, 1000 IOPS in total), vdb (1000 IOPS in total)"
interval_start = 2026-11-05T13:01:00Z
interval_end = 2026-11-05T14:01:00Z
[[fail.expect]]
status = "violation"
resource_id = "guest-1/db"
account_id = "acme"
observed = "vda (volume vol-a, 1000 IOPS in total), vdb"
interval_start = 2026-11-05T14:01:00Z
interval_end = 2026-11-05T14:31:00Z
[[fail.expect]]
status = "violation"
resource_id = "guest-1/db"
account_id = "beta"
observed = "vda (volume vol-a, 1000 IOPS in total), vdb"
interval_start = 2026-11-05T14:31:00Z
interval_end = 2026-11-05T15:01:00Z

[[fail]]
name = "a member goes, and another comes later"
until = 2026-11-05T16:00:00Z
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "ok", started_at = 2026-11-05T13:01:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T14:01:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vdb", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T13:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T14:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T14:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vdc", state = "ok", cap_total_iops = 1000, cap_group = "db" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1/db"
observed = "vda (1000 IOPS in total), vdb (1000 IOPS in total)"
interval_start = 2026-11-05T12:05:00Z
interval_end = 2026-11-05T13:01:00Z
[[fail.expect]]
status = "violation"
resource_id = "guest-1/db"
observed = "vda (1000 IOPS in total), vdc (1000 IOPS in total)"
interval_start = 2026-11-05T14:01:00Z
interval_end = 2026-11-05T16:00:00Z

[[pass]]
name = "every disk in a group of its own, as QEMU names them, and no group at all"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000, cap_group = "drive-virtio-disk0" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vdb", state = "ok", cap_total_iops = 1000, cap_group = "drive-virtio-disk1" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-2", device = "vda", state = "ok", cap_total_iops = 1000, cap_group = "drive-virtio-disk0" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-3", device = "vda", state = "ok", cap_total_iops = 1000 },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-3", device = "vdb", state = "ok", cap_total_iops = 1000 },
]

[[pass]]
name = "one name in two guests, on two hosts and in two sources is not one group"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-2", device = "vdb", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-3", device = "vda", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-2", vm_id = "guest-3", device = "vdb", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-4", device = "vda", state = "ok", cap_total_iops = 1000, cap_group = "db" },
    { source = "kvm-2", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-4", device = "vdb", state = "ok", cap_total_iops = 1000, cap_group = "db" },
]

[[pass]]
name = "a group without a cap, and one whose guest could not be read"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vda", state = "ok", cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-1", device = "vdb", state = "ok", cap_group = "db" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-2", device = "vda", state = "timeout" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, host_id = "host-1", vm_id = "guest-2", device = "vdb", state = "timeout" },
]
*/

WITH
-- one row per disk, throttle group that its requests pass, and stretch of time
member AS (
    SELECT
        *,
        hash(*COLUMNS('^cap_')) AS caps,
        {
            'source': source, 'host_id': host_id, 'vm_id': vm_id, 'name': unnest(string_split(cap_group, ','))
        } AS throttle_group
    FROM disk_state
),

-- one row per member, other disk of its group, and stretch of time for which both are in it
beside AS (
    SELECT
        member.* REPLACE (
            greatest(member.valid_from, other.valid_from) AS valid_from,
            least(member.valid_to, other.valid_to) AS valid_to
        )
    FROM member
    JOIN member AS other
        ON member.throttle_group = other.throttle_group AND member.device <> other.device
),

-- one row per group and moment at which anything about its members changes
border AS (
    SELECT DISTINCT throttle_group, unnest([valid_from, valid_to]) AS border_at
    FROM beside
),

-- one row per group and stretch of time in which nothing about its members changes
span AS (
    SELECT *, lead(border_at) OVER (PARTITION BY throttle_group ORDER BY border_at) AS next_border_at
    FROM border
),

-- one row per group, stretch of time and member; `caps` is what it is set to where it is in this group alone
told AS (
    SELECT DISTINCT
        span.throttle_group,
        span.border_at,
        span.next_border_at,
        beside.vm,
        beside.device,
        beside.capped,
        volume.account_id,
        CASE beside.cap_group WHEN span.throttle_group.name THEN beside.caps END AS caps,
        concat(
            beside.device,
            format(
                ' ({})',
                nullif(
                    concat_ws(
                        ', ',
                        'volume ' || beside.volume_id,
                        beside.cap_total_iops || ' IOPS in total',
                        beside.cap_read_iops || ' read IOPS',
                        beside.cap_write_iops || ' write IOPS',
                        beside.cap_total_bps || ' bytes/s in total',
                        beside.cap_read_bps || ' read bytes/s',
                        beside.cap_write_bps || ' write bytes/s'
                    ),
                    ''
                )
            )
        ) AS in_words
    FROM span
    JOIN beside
        ON span.throttle_group = beside.throttle_group
        AND span.border_at >= beside.valid_from
        AND span.border_at < beside.valid_to
    LEFT JOIN volume_state AS volume
        ON beside.volume_id = volume.volume_id AND beside.stretch = volume.stretch
),

-- one row per group of which a member is capped, and stretch of time
shared AS (
    SELECT
        throttle_group,
        border_at,
        next_border_at,
        any_value(vm) AS vm,
        min(account_id) AS account_id,
        string_agg(in_words, ', ' ORDER BY device) AS members,
        count(DISTINCT caps) > 1 AS disagree
    FROM told
    GROUP BY throttle_group, border_at, next_border_at
    HAVING bool_or(capped)
)

SELECT
    'violation' AS status,
    'throttle group' AS resource_kind,
    throttle_group.vm_id || '/' || throttle_group.name AS resource_id,
    throttle_group.vm_id,
    NULL::VARCHAR AS volume_id,
    account_id,
    members AS observed,
    'one disk in each group' AS expected,
    NULL::VARCHAR AS unit,
    format(
        'Disks {} of {} share throttle group {}: together they get what each is set to', members, vm, throttle_group.name
    )
    || CASE
        WHEN disagree THEN ', and as they are set to different caps, the last one that was set.'
        ELSE '.'
    END AS reason,
    border_at AS interval_start,
    next_border_at AS interval_end
FROM shared
