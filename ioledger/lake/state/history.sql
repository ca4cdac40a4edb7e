-- How what a rule found came to be: what was told before, what is told now, and the two runs between
-- which it changed. For the few that a rule found, and as far back as it says: `candidates` is the name
-- of a table of the rule, `since` the earliest time that is looked at. A volume is a candidate by
-- `volume_id`, `stretch`, `valid_from`, `storage_source` and `sold_source`, a disk by `vm_id`, `device` and
-- `valid_from`; what of a volume is meant its column `about` says, or else an argument. The answers have
-- one row per candidate of which another state is known, with the change in words: `told`.
--
-- Candidates go through a list, after which DuckDB expects few of them: it would else read all that was ever
-- told into memory, and then look for them there.

-- A time within a sentence.
CREATE OR REPLACE MACRO minute_of(told_at) AS strftime(told_at, '%Y-%m-%d %H:%M UTC');

-- A size in words.
CREATE OR REPLACE MACRO size_words(size_bytes) AS
    CASE
        WHEN size_bytes % 1073741824 = 0 THEN size_bytes // 1073741824 || ' GiB'
        ELSE size_bytes || ' bytes'
    END;

-- An amount for each GiB in words, without zeros at its end.
CREATE OR REPLACE MACRO per_gib_words(amount) AS rtrim(rtrim(amount::VARCHAR, '0'), '.') || ' IOPS per GiB';

-- The last change in a history: one row per candidate that had other words before. `history` is the name
-- of a table with a row per candidate and time for which it was told the same: `candidate`, `words`, `source`,
-- and the first and the last run and time of telling. `earlier` is the row before the change.
CREATE OR REPLACE MACRO change_of(history) AS TABLE
    WITH
    -- one row per row of the history, and the one before
    compared AS (
        SELECT now.*, lag(now) OVER (PARTITION BY candidate ORDER BY first_told_at, first_run_id) AS earlier
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
    WHERE earlier.words <> words AND earlier.last_told_at < first_told_at
    QUALIFY row_number() OVER (PARTITION BY candidate ORDER BY first_told_at DESC, first_run_id DESC) = 1;

-- What the storage was set to (`about`: minimum, maximum, burst, throughput or size of the volume), as the
-- source in force told. `told` ends with who changed it, where the storage says.
CREATE OR REPLACE MACRO storage_change(candidates, since) AS TABLE
    WITH
    -- one row per candidate; several disks may lie on one volume
    candidate AS (
        SELECT unnest(list(DISTINCT {
            volume_id: volume_id, stretch: stretch, about: about, storage_source: storage_source, valid_from: valid_from
        }), recursive := true)
        FROM query_table(candidates)
    ),

    -- one row per candidate and snapshot of its volume
    history AS (
        SELECT
            row(candidate.volume_id, candidate.stretch, candidate.about) AS candidate,
            CASE candidate.about
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
            snapshot.source,
            snapshot.modified_by,
            snapshot.run_id AS first_run_id,
            snapshot.run_id AS last_run_id,
            snapshot.observed_at AS first_told_at,
            snapshot.observed_at AS last_told_at
        FROM provisioned_iops AS snapshot
        JOIN candidate
            ON snapshot.volume_id = candidate.volume_id
            AND snapshot.source = candidate.storage_source
            AND snapshot.observed_at <= candidate.valid_from
        WHERE snapshot.observed_at >= since
    )

    SELECT
        candidate[1] AS volume_id,
        candidate[2] AS stretch,
        candidate[3] AS about,
        concat(told, ', changed by ' || modified_by) AS told
    FROM change_of('history');

-- What was sold (`about`: minimum, maximum, burst, size or caps of the volume), as the source in force told.
CREATE OR REPLACE MACRO sold_change(candidates, since) AS TABLE
    WITH
    -- one row per candidate; several disks may lie on one volume
    candidate AS (
        SELECT unnest(list(DISTINCT {
            volume_id: volume_id, stretch: stretch, about: about, sold_source: sold_source, valid_from: valid_from
        }), recursive := true)
        FROM query_table(candidates)
    ),

    -- one row per candidate and snapshot of what was sold
    history AS (
        SELECT
            row(candidate.volume_id, candidate.stretch, candidate.about) AS candidate,
            CASE candidate.about
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
        JOIN candidate
            ON snapshot.volume_id = candidate.volume_id
            AND snapshot.source = candidate.sold_source
            AND snapshot.observed_at <= candidate.valid_from
        WHERE snapshot.observed_at >= since
    )

    SELECT candidate[1] AS volume_id, candidate[2] AS stretch, candidate[3] AS about, told
    FROM change_of('history');

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
    -- one row per candidate
    candidate AS (
        SELECT unnest(list(DISTINCT {vm_id: vm_id, device: device, valid_from: valid_from}), recursive := true)
        FROM query_table(candidates)
    ),

    -- one row per candidate and time for which it was sampled unchanged
    history AS (
        SELECT
            row(seen.vm_id, seen.device, candidate.valid_from) AS candidate,
            caps_words(seen) AS words,
            seen.source,
            seen.host_id,
            seen.epoch,
            seen.first_run_id,
            seen.last_run_id,
            seen.first_told_at,
            seen.last_told_at
        FROM seen_disk AS seen
        JOIN candidate
            ON seen.vm_id = candidate.vm_id
            AND seen.device = candidate.device
            AND seen.first_told_at <= candidate.valid_from
        SEMI JOIN stored_collection_run AS run
            ON seen.source = run.source AND seen.last_run_id = run.run_id
        WHERE seen.last_told_at >= since AND seen.state IN ('ok', 'off')
    )

    SELECT
        candidate[1] AS vm_id,
        candidate[2] AS device,
        candidate[3] AS valid_from,
        told || CASE
            WHEN earlier.host_id <> host_id THEN format(', after it moved from {} to {}', earlier.host_id, host_id)
            WHEN earlier.epoch <> epoch THEN ', after it was started anew'
            ELSE ''
        END AS told
    FROM change_of('history');

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
    -- one row per candidate
    candidate AS (
        SELECT
            unnest(
                list(
                    {
                        volume_id: volume_id,
                        stretch: stretch,
                        valid_from: valid_from,
                        storage_source: storage_source,
                        told_by: sold_source
                    }
                ),
                recursive := true
            )
        FROM query_table(candidates)
    ),

    -- one row per candidate and snapshot of what was sold
    sold AS (
        SELECT
            row(candidate.volume_id, candidate.stretch) AS candidate,
            hash(snapshot.offering_id, snapshot.size_bytes, *COLUMNS('^sold_'))::VARCHAR AS words,
            snapshot.source,
            snapshot.modified_at,
            snapshot.run_id AS first_run_id,
            snapshot.run_id AS last_run_id,
            snapshot.observed_at AS first_told_at,
            snapshot.observed_at AS last_told_at
        FROM entitlement AS snapshot
        JOIN candidate
            ON snapshot.volume_id = candidate.volume_id
            AND snapshot.source = candidate.told_by
            AND snapshot.observed_at <= candidate.valid_from
        WHERE snapshot.observed_at >= since
    ),

    -- one row per candidate that was sold anew
    anew AS (
        SELECT candidate[1] AS volume_id, candidate[2] AS stretch, max(told_at) AS sold_at
        FROM (
            SELECT candidate, first_told_at AS told_at FROM change_of('sold')
            UNION ALL
            SELECT candidate, modified_at FROM sold
        )
        GROUP BY candidate
    )

    SELECT
        candidate.volume_id,
        candidate.stretch,
        min_by(
            {
                min_iops: snapshot.min_iops,
                max_iops: snapshot.max_iops,
                burst_iops: snapshot.burst_iops,
                max_bps: snapshot.max_bps
            },
            snapshot.observed_at
        ) AS allocation
    FROM candidate
    LEFT JOIN anew USING (volume_id, stretch)
    JOIN provisioned_iops AS snapshot
        ON snapshot.volume_id = candidate.volume_id
        AND snapshot.source = candidate.storage_source
        AND snapshot.observed_at <= candidate.valid_from
        AND snapshot.observed_at >= coalesce(anew.sold_at, since)
    WHERE snapshot.observed_at >= since
    GROUP BY candidate.volume_id, candidate.stretch;

-- Whether pools were managed, by `pool_id`, `source` and `valid_from`: one row per candidate.
CREATE OR REPLACE MACRO managed_change(candidates) AS TABLE
    WITH
    -- one row per candidate and snapshot of its pool that tells
    history AS (
        SELECT
            row(candidate.pool_id, candidate.valid_from) AS candidate,
            CASE WHEN snapshot.managed THEN 'managed' ELSE 'not managed' END AS words,
            snapshot.source,
            snapshot.run_id AS first_run_id,
            snapshot.run_id AS last_run_id,
            snapshot.observed_at AS first_told_at,
            snapshot.observed_at AS last_told_at
        FROM storage_pool AS snapshot
        JOIN query_table(candidates) AS candidate
            ON snapshot.pool_id = candidate.pool_id
            AND snapshot.source = candidate.source
            AND snapshot.observed_at <= candidate.valid_from
        WHERE snapshot.managed IS NOT NULL
    )

    SELECT candidate[1] AS pool_id, candidate[2] AS valid_from, told
    FROM change_of('history');
