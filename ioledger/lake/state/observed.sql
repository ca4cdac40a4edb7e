-- Disks with all that is known of their volumes, as far as they were sampled more than once while nothing about
-- them changed, so that something can be said of what they did: one row per row of `disk_on_volume`.
CREATE OR REPLACE VIEW watched_disk AS
FROM disk_on_volume
WHERE first_sampled_at < last_sampled_at;

-- Those of them that are capped, with a hash of their caps: one row per row of `watched_disk`.
CREATE OR REPLACE VIEW watched_cap AS
SELECT *, hash(*COLUMNS('^cap_(total|read|write|io_size|group)')) AS caps
FROM watched_disk
WHERE capped;

-- What disks were observed to do, by buckets of `window_seconds`: one row per disk, epoch and bucket that
-- holds two samples or more, and of sources that report rates one per source, too. `disks` names a table with
-- rows of `watched_disk`: of these disks alone samples are looked at, for a month of them is long. Buckets count
-- from the beginning of the period; where it is shorter than a bucket, as a moment is, there is one, which ends
-- with it.
--
-- Amounts are those between the first and the last sample of a bucket (of rates: of their windows), and
-- `elapsed_us` is the time between the two. A bucket in which counters fell is left out. `caps` is a hash of
-- the disk's caps, as in `watched_cap`, NULL where they changed within the bucket.
-- `bucket_start` is cut to milliseconds, for a moment lasts a microsecond.
--
-- Times are microseconds since 1970 until the end: DuckDB's arithmetic on those with a zone is ten times as slow.
CREATE OR REPLACE MACRO observed_of(disks, window_seconds, period_start, period_end) AS TABLE
    WITH
    -- one row per sample that counts, and its bucket
    counted AS (
        SELECT
            *,
            hash(*COLUMNS('^cap_(total|read|write|io_size|group)')) AS sample_caps,
            epoch_us(sampled_at) AS sampled_us,
            (
                sampled_us
                - least(epoch_us(period_start), epoch_us(period_end) - window_seconds * 1000000::BIGINT)
            ) // (window_seconds * 1000000::BIGINT) AS bucket,
            read_ops::HUGEINT + write_ops + read_bytes + write_bytes AS total
        FROM disk_io_stat
        SEMI JOIN query_table(disks) USING (vm_id, device)
        WHERE
            sampled_at >= least(period_start, period_end - to_seconds(window_seconds))
            AND sampled_at < period_end
            AND state = 'ok'
            AND epoch IS NOT NULL
            AND read_ops IS NOT NULL
            AND write_ops IS NOT NULL
            AND read_bytes IS NOT NULL
            AND write_bytes IS NOT NULL
    ),

    -- one row per disk, epoch and bucket of samples that count up
    cumulative AS (
        SELECT
            vm_id,
            device,
            bucket,
            min(sampled_us) AS first_us,
            max(sampled_us) AS last_us,
            max(sampled_us) - min(sampled_us) AS elapsed_us,
            max(read_ops) - min(read_ops) AS read_ops,
            max(write_ops) - min(write_ops) AS write_ops,
            max(read_bytes) - min(read_bytes) AS read_bytes,
            max(write_bytes) - min(write_bytes) AS write_bytes,
            max(read_time_ns) - min(read_time_ns) AS read_time_ns,
            max(write_time_ns) - min(write_time_ns) AS write_time_ns,
            CASE WHEN min(sample_caps) = max(sample_caps) THEN min(sample_caps) END AS caps
        FROM counted
        WHERE window_start IS NULL
        GROUP BY vm_id, device, epoch, bucket
        HAVING
            min(sampled_us) < max(sampled_us)
            AND arg_min(total, sampled_us) = min(total)
            AND arg_max(total, sampled_us) = max(total)
    ),

    -- one row per disk, epoch, bucket and source of samples that report rates
    windowed AS (
        SELECT
            vm_id,
            device,
            bucket,
            min(epoch_us(window_start)) AS first_us,
            max(sampled_us) AS last_us,
            sum(sampled_us - epoch_us(window_start))::BIGINT AS elapsed_us,
            sum(read_ops)::BIGINT AS read_ops,
            sum(write_ops)::BIGINT AS write_ops,
            sum(read_bytes)::BIGINT AS read_bytes,
            sum(write_bytes)::BIGINT AS write_bytes,
            sum(read_time_ns)::BIGINT AS read_time_ns,
            sum(write_time_ns)::BIGINT AS write_time_ns,
            CASE WHEN min(sample_caps) = max(sample_caps) THEN min(sample_caps) END AS caps
        FROM counted
        WHERE window_start < sampled_at
        GROUP BY vm_id, device, epoch, bucket, source
    ),

    -- one row per disk, epoch and bucket, with the bucket's beginning
    placed AS (
        SELECT
            *,
            least(epoch_us(period_start), epoch_us(period_end) - window_seconds * 1000000::BIGINT)
            + bucket * window_seconds * 1000000::BIGINT AS bucket_us
        FROM (FROM cumulative UNION ALL FROM windowed)
    )

    SELECT
        * EXCLUDE (first_us, last_us, bucket_us),
        make_timestamptz(first_us) AS first_sampled_at,
        make_timestamptz(last_us) AS last_sampled_at,
        make_timestamptz(bucket_us // 1000 * 1000) AS bucket_start,
        make_timestamptz(least(epoch_us(period_end), bucket_us + window_seconds * 1000000::BIGINT)) AS bucket_end
    FROM placed;
