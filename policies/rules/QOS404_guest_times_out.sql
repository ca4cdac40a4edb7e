/*
code = "QOS404"
name = "guest_times_out"
title = "A guest does not answer run after run"
severity = "medium"
what = """
A guest of which no disk could be read (state `timeout` or `error`) in `runs` runs of its source in a row,
up to the last one. Runs that failed as a whole asked no guest and do not count here (QOS403); those of
more than `hours` ago are not looked at.
"""
why = """
One run without an answer costs nothing, for counters go on. A guest that stays silent is not metered
at all: if it restarts meanwhile, its operations are lost, and if not, they come as one long interval
that nobody can tell guaranteed from burst.
"""
example = """
The monitor of guest `web` hangs after a failed backup. Guest and disks work on, and every run notes a
timeout for it.
"""
mend = """
See on the host why the guest does not answer: a hung monitor, a job that never ends, storage that
does not come back. If it is merely slow, give it more time in the source's configuration.
"""
origin = """
Hypervisors' interfaces wait for each guest in turn, so one that hangs spoils the statistics of all;
collectors that skip it hide it.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "runs"
unit = "runs"
default = 3
meaning = "a guest is reported when it has not answered in so many runs in a row"

[[parameters]]
name = "hours"
unit = "hours"
default = 24
meaning = "so far back before the moment, or the period, runs are looked at"

[given]
collection_run = [
    { source = "kvm", run_id = "0", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:03:00Z },
]

[[fail]]
name = "the guest was silent in the last three runs, and another for less long"
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "ok" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", vm_name = "web", state = "timeout" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", device = "vda", state = "error" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-1", vm_name = "web", device = "vda", state = "timeout" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-1", vm_name = "web", device = "vdb", state = "timeout" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-2", device = "vda", state = "timeout" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-2", device = "vda", state = "timeout" },
]
[[fail.expect]]
status = "violation"
resource_kind = "guest"
resource_id = "guest-1"
vm_id = "guest-1"
observed = "3"
expected = "fewer than 3"
unit = "runs in a row without an answer"
interval_start = 2026-11-05T12:01:00Z
reason = "Guest web did not answer in 3 runs of kvm in a row, from 2026-11-05 12:01:00 UTC on: what it does is not metered."

[[fail]]
name = "the guest was silent for a day, of which as much is told as is looked at"
moment = 2026-11-05T12:03:30Z
parameters = { hours = 1 }
given.collection_run = [
    { source = "kvm", run_id = "0", kind = "hypervisor", status = "partial", started_at = 2026-11-05T11:03:29Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "partial", started_at = 2026-11-05T11:03:30Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:03:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-11-05T11:03:29Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T11:03:30Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-1", state = "timeout" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1"
observed = "3"

[[fail]]
name = "a run that failed as a whole lies between, one is yet to come, and another source has runs of its own"
given.collection_run = [
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "failed", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:05:00Z },
    { source = "kvm", run_id = "4", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:05:00Z, ended_at = 2026-11-05T12:06:00Z },
    { source = "kvm-2", run_id = "3", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:04:00Z },
]
parameters = { runs = 2 }
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:05:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "4", sampled_at = 2026-11-05T12:05:30Z, vm_id = "guest-1", device = "vda", state = "ok" },
    { source = "kvm-2", run_id = "3", sampled_at = 2026-11-05T12:04:00Z, vm_id = "guest-2", device = "vda", state = "ok" },
]
[[fail.expect]]
status = "violation"
resource_id = "guest-1"
interval_start = 2026-11-05T12:01:00Z
reason = "Guest guest-1 did not answer in 2 runs of kvm in a row, from 2026-11-05 12:01:00 UTC on: what it does is not metered."

[[fail]]
name = "over a period: the guest is silent twice, from before the period on and for three runs, and less long in between"
moment = 2026-11-05T12:02:30Z
until = 2026-11-05T12:20:00Z
given.collection_run = [
    { source = "kvm", run_id = "01", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "02", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm", run_id = "03", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:03:00Z },
    { source = "kvm", run_id = "04", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:04:00Z, ended_at = 2026-11-05T12:04:10Z },
    { source = "kvm", run_id = "05", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:05:00Z },
    { source = "kvm", run_id = "06", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:06:00Z },
    { source = "kvm", run_id = "07", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:07:00Z },
    { source = "kvm", run_id = "08", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:08:00Z },
    { source = "kvm", run_id = "09", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:09:00Z },
    { source = "kvm", run_id = "10", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:10:00Z },
    { source = "kvm", run_id = "11", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:11:00Z },
    { source = "kvm-2", run_id = "01", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm-2", run_id = "02", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:03:00Z },
    { source = "kvm-2", run_id = "03", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:06:00Z },
    { source = "kvm-2", run_id = "04", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:09:00Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "01", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "02", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "03", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "04", sampled_at = 2026-11-05T12:04:00Z, vm_id = "guest-1", device = "vda", state = "ok" },
    { source = "kvm", run_id = "05", sampled_at = 2026-11-05T12:05:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "06", sampled_at = 2026-11-05T12:06:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "08", sampled_at = 2026-11-05T12:08:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "09", sampled_at = 2026-11-05T12:09:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "10", sampled_at = 2026-11-05T12:10:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "11", sampled_at = 2026-11-05T12:11:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm-2", run_id = "01", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-2", state = "timeout" },
]
[[fail.expect]]
status = "violation"
resource_kind = "guest"
resource_id = "guest-1"
observed = "3"
interval_start = 2026-11-05T12:02:30Z
interval_end = 2026-11-05T12:04:10Z
[[fail.expect]]
status = "violation"
resource_kind = "guest"
resource_id = "guest-1"
observed = "4"
interval_start = 2026-11-05T12:08:00Z
interval_end = 2026-11-05T12:20:00Z

[[pass]]
name = "the guest answered once in between, with one disk, or is off by now"
given.disk_io_stat = [
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", device = "vda", state = "ok" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", device = "vdb", state = "error" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-2", state = "timeout" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-2", state = "timeout" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-2", device = "vda", state = "off" },
]

[[pass]]
name = "the guest was silent before and is gone, or in too few runs that are over"
given.collection_run = [
    { source = "kvm", run_id = "0", kind = "hypervisor", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "kvm", run_id = "1", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:01:00Z },
    { source = "kvm", run_id = "2", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:02:00Z },
    { source = "kvm", run_id = "3", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:03:00Z },
    { source = "kvm", run_id = "4", kind = "hypervisor", status = "partial", started_at = 2026-11-05T12:04:00Z, ended_at = 2026-11-05T12:05:00.000001Z },
]
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-2", state = "timeout" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-2", state = "timeout" },
    { source = "kvm", run_id = "4", sampled_at = 2026-11-05T12:04:00Z, vm_id = "guest-2", state = "timeout" },
]
*/

WITH
-- one row per sample of a disk, or a guest, that could not be read
unread AS (FROM unread_between($period_start - to_hours($hours), $period_end)),

-- one row per sample of a disk that could
answered AS (
    FROM sampled_between($period_start - to_hours($hours), $period_end)
    WHERE state IN ('ok', 'off')
),

-- one row per source of those and run that asked its guests, numbered in the order of time
asked AS (
    SELECT
        source,
        run_id,
        ended_at,
        row_number() OVER (PARTITION BY source ORDER BY run_id) AS number
    FROM collection_run
    SEMI JOIN unread USING (source)
    WHERE status <> 'failed' AND ended_at < $period_end
),

-- one row per guest and such a run in which nothing of it could be read
silent AS (
    SELECT
        source,
        vm_id,
        asked.number,
        max(unread.vm_name) AS vm_name,
        min(unread.sampled_at) AS sampled_at
    FROM unread
    JOIN asked USING (source, run_id)
    ANTI JOIN answered USING (source, run_id, vm_id)
    GROUP BY source, vm_id, asked.number
),

-- one row per such guest and run; runs in a row have the same `streak`
counted AS (
    SELECT *, number - row_number() OVER (PARTITION BY source, vm_id ORDER BY number) AS streak
    FROM silent
),

-- one row per guest and time in which it was silent run after run
problem AS (
    SELECT
        source,
        vm_id,
        coalesce(max(vm_name), vm_id) AS vm,
        count(*) AS runs,
        min(sampled_at) AS since,
        max(number) + 1 AS next_number
    FROM counted
    GROUP BY source, vm_id, streak
    HAVING runs >= $runs
)

SELECT
    'violation' AS status,
    'guest' AS resource_kind,
    vm_id AS resource_id,
    vm_id,
    NULL::VARCHAR AS volume_id,
    NULL::VARCHAR AS account_id,
    runs::VARCHAR AS observed,
    'fewer than ' || $runs AS expected,
    'runs in a row without an answer' AS unit,
    format(
        'Guest {} did not answer in {} runs of {} in a row, from {} on: what it does is not metered.',
        vm, runs, problem.source, second_of(since)
    ) AS reason,
    since AS interval_start,
    next.ended_at AS interval_end
FROM problem
LEFT JOIN asked AS next
    ON problem.source = next.source
    AND problem.next_number = next.number
