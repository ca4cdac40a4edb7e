-- How what a rule found came to be: what was told before, what is told now, and the two runs between
-- which it changed. For the few that a rule found, and as far back as it says: `candidates` is the name
-- of a table of the rule, `since` the earliest time that is looked at. A volume is a candidate by
-- `volume_id`, `stretch`, `valid_from`, `storage_source` and `sold_source`, a disk by `vm_id`, `device` and
-- `valid_from`; what of a volume is meant its column `about` says, or else an argument. The answers have
-- one row per candidate of which another state is known, with the change in words: `told`.
--
-- Candidates go through a list, after which DuckDB expects few of them: it would else read all that was ever
-- told into memory, and then look for them there.

-- A time within a sentence, to the minute, or to the second where runs are told apart by it.
CREATE OR REPLACE MACRO minute_of(told_at) AS strftime(told_at, '%Y-%m-%d %H:%M UTC');
CREATE OR REPLACE MACRO second_of(told_at) AS strftime(told_at, '%Y-%m-%d %H:%M:%S UTC');

-- A size in words.
CREATE OR REPLACE MACRO size_words(size_bytes) AS
    CASE
        WHEN size_bytes % 1073741824 = 0 THEN size_bytes // 1073741824 || ' GiB'
        ELSE size_bytes || ' bytes'
    END;

-- An amount for each GiB in words, without zeros at its end.
CREATE OR REPLACE MACRO per_gib_words(amount) AS rtrim(rtrim(amount::VARCHAR, '0'), '.') || ' IOPS per GiB';

-- Why nobody knows what the storage is set to for a volume, by when it last told of that.
CREATE OR REPLACE MACRO unknown_allocation_words(expired_observed_at) AS
    coalesce(
        format('its allocation was last read at {}, which is beyond its age limit', second_of(expired_observed_at)),
        'no storage source says what it is set to'
    );

-- The changes in a history: one row per subject and row that has other words than the one before. `history`
-- is the name of a table with a row per `subject` and time for which it was told the same: `words`, `source`,
-- and the first and the last run and time of telling. `earlier` is the row before the change.
CREATE OR REPLACE MACRO changes_of(history) AS TABLE
    WITH
    -- one row per row of the history, and the one before
    compared AS (
        SELECT now.*, lag(now) OVER (PARTITION BY subject ORDER BY first_told_at, first_run_id) AS earlier
        FROM query_table(history) AS now
    )

    SELECT
        *,
        format(
            '{} until run {} of {} ({}) and {} from run {} of {} ({}) on',
            earlier.words, earlier.last_run_id, earlier.source, minute_of(earlier.last_told_at),
            words, first_run_id, source, minute_of(first_told_at)
        ) AS told
    FROM compared
    WHERE earlier.words <> words AND earlier.last_told_at < first_told_at;

-- What the storage was set to (`about`: minimum, maximum, burst, throughput or size of the volume), as the
-- source in force told. `told` ends with who changed it, where the storage says.
CREATE OR REPLACE MACRO storage_change(candidates, since) AS TABLE
    WITH
    -- one row per volume, thing that is asked of it, and source
    subject AS (
        SELECT unnest(list(asked), recursive := true)
        FROM (
            SELECT volume_id, about, storage_source AS source, max(valid_from) AS until
            FROM query_table(candidates)
            GROUP BY volume_id, about, storage_source
        ) AS asked
    ),

    -- one row per such thing and snapshot of the volume
    history AS (
        SELECT
            row(subject.volume_id, subject.about, subject.source) AS subject,
            CASE subject.about
                WHEN 'minimum' THEN coalesce(
                    snapshot.min_iops
                    || CASE
                        WHEN is_enforced(snapshot.min_iops, snapshot.min_enforced) THEN ' IOPS'
                        ELSE ' IOPS, not enforced,'
                    END,
                    'none'
                )
                WHEN 'maximum' THEN coalesce(snapshot.max_iops || ' IOPS', 'none')
                WHEN 'burst' THEN coalesce(snapshot.burst_iops || ' IOPS', 'none')
                WHEN 'throughput' THEN coalesce(snapshot.max_bps || ' bytes/s', 'none')
                WHEN 'size' THEN size_words(snapshot.size_bytes)
            END AS words,
            snapshot.modified_by,
            snapshot.source,
            snapshot.run_id AS first_run_id,
            snapshot.run_id AS last_run_id,
            snapshot.observed_at AS first_told_at,
            snapshot.observed_at AS last_told_at
        FROM provisioned_iops AS snapshot
        JOIN subject
            ON snapshot.volume_id = subject.volume_id
            AND snapshot.source = subject.source
            AND snapshot.observed_at <= subject.until
        WHERE snapshot.observed_at >= since
    ),

    -- one row per such thing and change
    changed AS (
        SELECT
            subject[1] AS volume_id,
            subject[2] AS about,
            source,
            first_told_at,
            concat(told, ', changed by ' || modified_by) AS told
        FROM changes_of('history')
    )

    SELECT DISTINCT candidate.volume_id, candidate.stretch, candidate.about, changed.told
    FROM query_table(candidates) AS candidate
    ASOF JOIN changed
        ON candidate.volume_id = changed.volume_id
        AND candidate.about = changed.about
        AND candidate.storage_source = changed.source
        AND candidate.valid_from >= changed.first_told_at;

-- What was sold (`about`: minimum, maximum, burst, size or caps of the volume), as the source in force told.
CREATE OR REPLACE MACRO sold_change(candidates, since) AS TABLE
    WITH
    -- one row per volume, thing that is asked of it, and source
    subject AS (
        SELECT unnest(list(asked), recursive := true)
        FROM (
            SELECT volume_id, about, sold_source AS source, max(valid_from) AS until
            FROM query_table(candidates)
            GROUP BY volume_id, about, sold_source
        ) AS asked
    ),

    -- one row per such thing and snapshot of the volume
    history AS (
        SELECT
            row(subject.volume_id, subject.about, subject.source) AS subject,
            CASE subject.about
                WHEN 'minimum' THEN coalesce(
                    snapshot.sold_min_iops || ' IOPS', per_gib_words(snapshot.sold_min_iops_per_gib), 'none'
                )
                WHEN 'maximum' THEN coalesce(
                    snapshot.sold_max_iops || ' IOPS', per_gib_words(snapshot.sold_max_iops_per_gib), 'none'
                )
                WHEN 'burst' THEN coalesce(snapshot.sold_burst_iops || ' IOPS', 'none')
                WHEN 'size' THEN size_words(snapshot.size_bytes)
                WHEN 'caps' THEN sold_caps_words(snapshot)
            END AS words,
            snapshot.source,
            snapshot.run_id AS first_run_id,
            snapshot.run_id AS last_run_id,
            snapshot.observed_at AS first_told_at,
            snapshot.observed_at AS last_told_at
        FROM entitlement AS snapshot
        JOIN subject
            ON snapshot.volume_id = subject.volume_id
            AND snapshot.source = subject.source
            AND snapshot.observed_at <= subject.until
        WHERE snapshot.observed_at >= since
    ),

    -- one row per such thing and change
    changed AS (
        SELECT subject[1] AS volume_id, subject[2] AS about, source, first_told_at, told AS told
        FROM changes_of('history')
    )

    SELECT DISTINCT candidate.volume_id, candidate.stretch, candidate.about, changed.told
    FROM query_table(candidates) AS candidate
    ASOF JOIN changed
        ON candidate.volume_id = changed.volume_id
        AND candidate.about = changed.about
        AND candidate.sold_source = changed.source
        AND candidate.valid_from >= changed.first_told_at;

-- The disks as they were sampled, all there are, also in runs that were not committed: one row per run of
-- neighbouring samples in which nothing but time and counters changed. Of compacted files the index alone
-- is read.
CREATE OR REPLACE VIEW seen_disk AS
SELECT
    COLUMNS('^(source|host_id|vm_id|device|epoch|state|cap_.*|first_run_id|last_run_id)$'),
    first_sampled_at AS first_told_at,
    last_sampled_at AS last_told_at
FROM sample_stretch
UNION ALL BY NAME
SELECT
    COLUMNS('^(source|host_id|vm_id|device|epoch|state|cap_.*)$'),
    run_id AS first_run_id,
    run_id AS last_run_id,
    sampled_at AS first_told_at,
    sampled_at AS last_told_at
FROM stored_loose_sample;

-- The six live caps of a disk, wherever it was sampled. `told` says too if it moved between hosts, or
-- started anew, when they changed.
CREATE OR REPLACE MACRO live_change(candidates, since) AS TABLE
    WITH
    -- one row per disk
    subject AS (
        SELECT unnest(list(asked), recursive := true)
        FROM (
            SELECT vm_id, device, max(valid_from) AS until
            FROM query_table(candidates)
            GROUP BY vm_id, device
        ) AS asked
    ),

    -- one row per such disk and time for which it was sampled unchanged
    history AS (
        SELECT
            row(seen.vm_id, seen.device) AS subject,
            caps_words(seen) AS words,
            seen.source,
            seen.host_id,
            seen.epoch,
            seen.first_run_id,
            seen.last_run_id,
            seen.first_told_at,
            seen.last_told_at
        FROM seen_disk AS seen
        JOIN subject
            ON seen.vm_id = subject.vm_id
            AND seen.device = subject.device
            AND seen.first_told_at <= subject.until
        SEMI JOIN stored_collection_run AS run
            ON seen.source = run.source AND seen.last_run_id = run.run_id
        WHERE seen.last_told_at >= since AND seen.state IN ('ok', 'off')
    ),

    -- one row per such disk and change
    changed AS (
        SELECT
            subject[1] AS vm_id,
            subject[2] AS device,
            first_told_at,
            told || CASE
                WHEN earlier.host_id <> host_id THEN format(', after it moved from {} to {}', earlier.host_id, host_id)
                WHEN earlier.epoch <> epoch THEN ', after it was started anew'
                ELSE ''
            END AS told
        FROM changes_of('history')
    )

    SELECT DISTINCT candidate.vm_id, candidate.device, candidate.valid_from, changed.told
    FROM query_table(candidates) AS candidate
    ASOF JOIN changed
        ON candidate.vm_id = changed.vm_id
        AND candidate.device = changed.device
        AND candidate.valid_from >= changed.first_told_at;

-- Volumes of which one source told several allocations within a time: one row per volume. In a lake that
-- holds no more than one run of each storage source nothing need be read.
CREATE OR REPLACE MACRO reallocated_between(since, until) AS TABLE
    WITH
    -- one row per storage source that ran more than once
    repeated_source AS (
        SELECT source
        FROM collection_run
        WHERE kind = 'storage' AND started_at >= since AND started_at < until
        GROUP BY source
        HAVING count(*) > 1
    ),

    -- one row per snapshot of these sources, with a hash of the limits that it tells
    snapshot AS (
        SELECT volume_id, source, hash(min_iops, max_iops, burst_iops, max_bps) AS limits
        FROM provisioned_iops
        SEMI JOIN repeated_source USING (source)
        WHERE observed_at >= since AND observed_at < until
    )

    SELECT DISTINCT volume_id
    FROM (
        SELECT volume_id
        FROM snapshot
        GROUP BY volume_id, source
        HAVING min(limits) <> max(limits)
    );

-- What the storage was first set to since a volume was last sold anew: since another offering, size or
-- amount was told of its entitlement, or since it was last modified by what the control plane says, if
-- that is later. One row per candidate, as the sources in force told.
CREATE OR REPLACE MACRO allocation_when_sold(candidates, since) AS TABLE
    WITH
    -- one row per volume
    subject AS (
        SELECT unnest(list(asked), recursive := true)
        FROM (
            SELECT DISTINCT volume_id, storage_source, sold_source AS told_by
            FROM query_table(candidates)
        ) AS asked
    ),

    -- one row per such volume and snapshot of what was sold; the words are a number for all of it
    history AS (
        SELECT
            row(subject.volume_id, snapshot.source) AS subject,
            hash(snapshot.offering_id, snapshot.size_bytes, *COLUMNS('^sold_'))::VARCHAR AS words,
            snapshot.source,
            snapshot.modified_at,
            snapshot.run_id AS first_run_id,
            snapshot.run_id AS last_run_id,
            snapshot.observed_at AS first_told_at,
            snapshot.observed_at AS last_told_at
        FROM entitlement AS snapshot
        JOIN subject
            ON snapshot.volume_id = subject.volume_id
            AND snapshot.source = subject.told_by
        WHERE snapshot.observed_at >= since
    ),

    -- one row per such volume and time at which it was sold anew, and since when that is known
    sold AS (
        SELECT subject[1] AS volume_id, subject[2] AS source, first_told_at AS known_at, first_told_at AS sold_at
        FROM changes_of('history')
        UNION ALL
        SELECT subject[1], subject[2], first_told_at, modified_at
        FROM history
        WHERE modified_at IS NOT NULL
    ),

    -- one row per candidate, and when it was last sold anew, as far as that was known by then
    anew AS (
        SELECT
            candidate.volume_id,
            candidate.stretch,
            candidate.storage_source AS source,
            candidate.valid_from,
            greatest(since, max(sold.sold_at)) AS sold_at
        FROM query_table(candidates) AS candidate
        LEFT JOIN sold
            ON candidate.volume_id = sold.volume_id
            AND candidate.sold_source = sold.source
            AND candidate.valid_from >= sold.known_at
        GROUP BY candidate.volume_id, candidate.stretch, candidate.storage_source, candidate.valid_from
    ),

    -- one row per such volume and snapshot of its allocation
    allocated AS (
        SELECT
            snapshot.volume_id,
            snapshot.source,
            snapshot.observed_at,
            {
                min_iops: snapshot.min_iops,
                max_iops: snapshot.max_iops,
                burst_iops: snapshot.burst_iops,
                max_bps: snapshot.max_bps
            } AS allocation
        FROM provisioned_iops AS snapshot
        JOIN subject
            ON snapshot.volume_id = subject.volume_id
            AND snapshot.source = subject.storage_source
        WHERE snapshot.observed_at >= since
    )

    SELECT anew.volume_id, anew.stretch, allocated.allocation
    FROM anew
    ASOF JOIN allocated
        ON anew.volume_id = allocated.volume_id
        AND anew.source = allocated.source
        AND anew.sold_at <= allocated.observed_at
    WHERE allocated.observed_at <= anew.valid_from;

-- Whether pools were managed, by `pool_id`, `source` and `valid_from`: one row per candidate of which that
-- changed.
CREATE OR REPLACE MACRO managed_change(candidates) AS TABLE
    WITH
    -- one row per source, pool and snapshot that tells
    history AS (
        SELECT
            row(pool_id, source) AS subject,
            CASE WHEN managed THEN 'managed' ELSE 'not managed' END AS words,
            source,
            run_id AS first_run_id,
            run_id AS last_run_id,
            observed_at AS first_told_at,
            observed_at AS last_told_at
        FROM storage_pool
        SEMI JOIN query_table(candidates) USING (pool_id, source)
        WHERE managed IS NOT NULL
    ),

    -- one row per source, pool and change
    changed AS (
        SELECT subject[1] AS pool_id, source, first_told_at, told
        FROM changes_of('history')
    )

    SELECT candidate.pool_id, candidate.valid_from, changed.told
    FROM query_table(candidates) AS candidate
    ASOF JOIN changed
        ON candidate.pool_id = changed.pool_id
        AND candidate.source = changed.source
        AND candidate.valid_from >= changed.first_told_at;
