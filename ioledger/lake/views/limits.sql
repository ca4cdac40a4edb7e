-- What a disk can get at most and at least, said once for usage and rules alike. In integers but where
-- a unit says otherwise: operations per second (IOPS), bytes per second, bytes, seconds, microseconds.
--
-- A limit that is NULL does not limit; one of 0 lets nothing through. A macro that can also be NULL
-- because something is not known says so, and how to tell the two apart.
--
-- Who limits a disk, and what metering bills (metering.md, rules 10, 11 and 13).

-- The hypervisor's cap on operations per second: in total, or reads and writes where both are set.
CREATE MACRO cap_iops_of(total_iops, read_iops, write_iops) AS
    coalesce(total_iops, read_iops::HUGEINT + write_iops);

-- Whether a hypervisor cap is set: one of the six base caps.
CREATE MACRO is_capped(total_iops, read_iops, write_iops, total_bps, read_bps, write_bps) AS
    coalesce(total_iops, read_iops, write_iops, total_bps, read_bps, write_bps) IS NOT NULL;

-- Whether a volume is provisioned: a minimum, a maximum or a burst is set.
CREATE MACRO is_provisioned(min_iops, max_iops, burst_iops) AS
    coalesce(min_iops, max_iops, burst_iops) IS NOT NULL;

-- Whether a minimum is kept by the backend: it is set, and really reserved.
CREATE MACRO is_enforced(min_iops, min_enforced) AS
    min_iops IS NOT NULL AND coalesce(min_enforced, false);

-- Who limits the disk.
CREATE MACRO qos_class_of(provisioned, enforced, throttled) AS
    CASE
        WHEN provisioned AND throttled THEN 'conflicting'
        WHEN provisioned AND enforced THEN 'guaranteed'
        WHEN provisioned THEN 'limited'
        WHEN throttled THEN 'throttled'
        ELSE 'best_effort'
    END;

-- How many guest disks share the limits of a volume; at least one, also where nobody counted them.
CREATE MACRO disks_on(attached_count) AS
    greatest(1, coalesce(attached_count, 1))::HUGEINT;

-- What a minimum gives to each of the disks that share it, per second: rounded down, so that the
-- shares never add up to more than there is.
CREATE MACRO least_share_of(minimum, attached_count) AS
    minimum // disks_on(attached_count);

-- What a maximum or a burst leaves to each of the disks that share it, per second: rounded up, so that
-- none is told to have exceeded what all of them may do.
CREATE MACRO most_share_of(maximum, attached_count) AS
    (maximum + disks_on(attached_count) - 1) // disks_on(attached_count);

-- The IOPS that a volume can be counted on to deliver: the least of what was sold, what the storage
-- reserves and the cap. NULL where the storage reserves nothing: then it can be counted on for none.
CREATE MACRO deliverable_iops_of(enforced, sold_min_iops, min_iops, cap_iops) AS
    CASE WHEN enforced THEN least(sold_min_iops, min_iops, cap_iops) END;

-- What was sold. Both are of use for a minimum and for a maximum.

-- Whether an amount was sold at all, be it absolute or for each GiB.
CREATE MACRO is_sold(iops, iops_per_gib) AS
    coalesce(iops, iops_per_gib) IS NOT NULL;

-- The IOPS that were sold: the absolute amount where there is one, else that for each GiB (a decimal
-- with six places) times the size in bytes, rounded down: no part of an operation is sold. NULL where
-- none was sold; NULL as well, but with `is_sold`, where the size that it depends on is not known.
CREATE MACRO sold_iops_of(iops, iops_per_gib, size_bytes) AS
    coalesce(iops, (iops_per_gib::DECIMAL(24, 6) * 1000000)::HUGEINT * size_bytes // 1073741824000000);

-- Caps, of operations or of bytes per second alike.

-- The most that reads and writes reach together for good: the total, or both directions added up,
-- whichever is less. NULL where neither is limited, and where only one direction is: the other then
-- does as it likes. (Bills go by `cap_iops_of`, for which a total goes before a sum. The two differ
-- only where a disk has both, which the throttle groups of libvirt alone bring about.)
CREATE MACRO ceiling_of(total, read, write) AS
    least(total, read::HUGEINT + write);

-- Whether only reads or only writes are capped, so that there is no ceiling for both together.
CREATE MACRO is_one_sided(total, read, write) AS
    total IS NULL AND (read IS NULL) <> (write IS NULL);

-- The most per second while a burst lasts; where there is no burst that is the cap. A burst without a
-- cap limits nothing.
CREATE MACRO burst_rate_of(cap, burst) AS
    CASE WHEN cap IS NOT NULL THEN greatest(cap, burst) END;

-- Whether a cap that was sold in total is set on reads and writes apart, or the reverse, and lets another
-- amount through for good. A cap on one direction alone has no such amount, which is another one too.
CREATE MACRO is_sum_changed(sold_total, sold_read, sold_write, total, read, write) AS
    coalesce(sold_total, sold_read, sold_write) IS NOT NULL
    AND coalesce(total, read, write) IS NOT NULL
    AND (sold_total IS NULL) <> (total IS NULL)
    AND ceiling_of(sold_total, sold_read, sold_write) IS DISTINCT FROM ceiling_of(total, read, write);

-- A cap in words, with its unit, and what reads and writes come to together: '1000 IOPS in total'. NULL
-- where there is none.
CREATE MACRO cap_in_words(total, read, write, unit) AS
    nullif(
        concat_ws(
            ' and ',
            format('{} {} in total', total, unit),
            format('{} {} on reads', read, unit),
            format('{} {} on writes', write, unit)
        ),
        ''
    ) || CASE
        WHEN is_one_sided(total, read, write) THEN ' alone'
        ELSE coalesce(format(' ({} {} together)', read::HUGEINT + write, unit), '')
    END;

-- The most that passes within a time (microseconds) after a rest, as an amount, rounded down. QEMU
-- fills a bucket that runs out at the cap: it holds the burst times its length, or a tenth of the cap
-- where no burst is set. A burst longer than a second has a bucket of its own, which holds a tenth of
-- the burst. A burst without a length lasts one second. One request more may be under way.
CREATE MACRO most_within(cap, burst, burst_seconds, lasted_us) AS
    CASE
        WHEN cap IS NULL OR burst IS NULL THEN cap::HUGEINT * (lasted_us + 100000::HUGEINT) // 1000000
        WHEN coalesce(burst_seconds, 1) <= 1 THEN cap::HUGEINT * lasted_us // 1000000 + burst
        ELSE least(
            cap::HUGEINT * lasted_us // 1000000 + burst::HUGEINT * burst_seconds,
            burst::HUGEINT * (lasted_us + 100000::HUGEINT) // 1000000
        )
    END;

-- The requests of one size (bytes) that fit into a limit in IOPS which counts a request as
-- max(1, size / unit) operations, fractions included; rounded down. A unit of NULL or 0 counts every
-- request once. Of caps this is exact (the unit is `cap_io_size`), of a storage system, which may count
-- in its own way, an estimate (`iops_unit_bytes`). NULL where there is no limit; NULL as well, with a
-- limit, where the size matters and is not known.
CREATE MACRO iops_at_size(iops, unit_bytes, request_bytes) AS
    CASE
        WHEN coalesce(unit_bytes, 0) = 0 THEN iops
        WHEN request_bytes IS NOT NULL THEN iops::HUGEINT * unit_bytes // greatest(unit_bytes, request_bytes)
    END;

-- The requests of one size (bytes) that fit into a limit in bytes per second; rounded down. NULL where
-- there is no limit, also for requests without bytes; NULL as well where the size is not known.
CREATE MACRO iops_of_bps(bps, request_bytes) AS
    bps // nullif(request_bytes, 0);

-- A disk as a whole, in requests of one size (bytes) per second. `cap_iops` and `cap_bps` are its
-- ceilings (`ceiling_of`), the rest is what its volume is set to.

-- The most that a disk gets for good: the least of its caps and of its shares of the storage's maximum
-- in operations and in bytes. NULL where nothing limits it. Where the size is not known, the limits
-- that depend on it are left out: a disk gets no more than this, and perhaps less.
CREATE MACRO at_most_iops_of(
    cap_iops, cap_io_size, cap_bps, max_iops, iops_unit_bytes, max_bps, attached_count, request_bytes
) AS
    least(
        iops_at_size(cap_iops, cap_io_size, request_bytes),
        iops_of_bps(cap_bps, request_bytes),
        iops_at_size(most_share_of(max_iops, attached_count), iops_unit_bytes, request_bytes),
        iops_of_bps(most_share_of(max_bps, attached_count), request_bytes)
    );

-- The least that a disk can count on: its share of an enforced minimum, as far as it may do as much
-- (`at_most_iops`). 0 without such a minimum; NULL where the size matters and is not known.
CREATE MACRO at_least_iops_of(enforced, min_iops, iops_unit_bytes, attached_count, request_bytes, at_most_iops) AS
    CASE
        WHEN NOT coalesce(enforced, false) THEN 0
        WHEN iops_at_size(min_iops, iops_unit_bytes, request_bytes) IS NOT NULL THEN least(
            iops_at_size(least_share_of(min_iops, attached_count), iops_unit_bytes, request_bytes), at_most_iops
        )
    END;
