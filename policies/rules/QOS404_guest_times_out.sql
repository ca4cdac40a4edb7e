/*
code = "QOS404"
name = "guest_times_out"
title = "A guest does not answer run after run"
severity = "medium"
what = """
A guest of which no disk could be read (state `timeout` or `error`) in each of the last `runs` runs of
its source. Runs that failed as a whole asked no guest and do not count here (QOS403).
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
reason = "Guest web did not answer in the last 3 runs of kvm, from 2026-11-05 12:01:00+00 on: what it does is not metered."

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
reason = "Guest guest-1 did not answer in the last 2 runs of kvm, from 2026-11-05 12:01:00+00 on: what it does is not metered."

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
name = "the guest was silent before and is gone, or in too few runs yet"
given.disk_io_stat = [
    { source = "kvm", run_id = "0", sampled_at = 2026-11-05T12:00:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "1", sampled_at = 2026-11-05T12:01:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-1", state = "timeout" },
    { source = "kvm", run_id = "2", sampled_at = 2026-11-05T12:02:00Z, vm_id = "guest-2", state = "timeout" },
    { source = "kvm", run_id = "3", sampled_at = 2026-11-05T12:03:00Z, vm_id = "guest-2", state = "timeout" },
]
*/

WITH
-- one row per source and one of its last runs that asked its guests
recent_run AS (
    SELECT source, run_id
    FROM collection_run
    WHERE status <> 'failed' AND ended_at <= $period_start
    QUALIFY row_number() OVER (PARTITION BY source ORDER BY run_id DESC) <= $runs
),

-- one row per guest and one of these runs that lists it
asked AS (
    SELECT
        source,
        run_id,
        vm_id,
        max(vm_name) AS vm_name,
        min(sampled_at) AS sampled_at,
        bool_or(state IN ('ok', 'off')) AS answered
    FROM disk_io_stat
    SEMI JOIN recent_run USING (source, run_id)
    GROUP BY source, run_id, vm_id
),

-- one row per guest that answered in none of these runs
silent AS (
    SELECT
        source,
        vm_id,
        coalesce(max(vm_name), vm_id) AS vm,
        count(*) AS runs,
        min(sampled_at) AS since
    FROM asked
    WHERE NOT answered
    GROUP BY source, vm_id
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
        'Guest {} did not answer in the last {} runs of {}, from {} on: what it does is not metered.',
        vm, runs, source, since::VARCHAR
    ) AS reason,
    since AS interval_start,
    NULL::TIMESTAMPTZ AS interval_end
FROM silent
