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

-- The least size in bytes at which an amount for each GiB comes to these IOPS. NULL for no IOPS, to which it
-- comes at any small size, and for an amount of nothing.
CREATE MACRO least_size_of(iops, iops_per_gib) AS
    (nullif(iops, 0)::HUGEINT * 1073741824000000 + (iops_per_gib::DECIMAL(24, 6) * 1000000)::HUGEINT - 1)
    // nullif((iops_per_gib::DECIMAL(24, 6) * 1000000)::HUGEINT, 0);

-- Likewise, in whole GiB where such a size comes to these IOPS too.
CREATE MACRO likely_size_of(iops, iops_per_gib) AS
    CASE
        WHEN
            sold_iops_of(
                NULL, iops_per_gib, (least_size_of(iops, iops_per_gib) + 1073741823) // 1073741824 * 1073741824
            ) = iops
            THEN (least_size_of(iops, iops_per_gib) + 1073741823) // 1073741824 * 1073741824
        ELSE least_size_of(iops, iops_per_gib)
    END;

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

-- Whether what was sold in total is capped in reads and writes apart, or the reverse.
CREATE MACRO is_other_form(sold_total, sold_read, sold_write, total, read, write) AS
    (sold_total IS NULL) <> (total IS NULL)
    AND coalesce(sold_total, sold_read, sold_write) IS NOT NULL
    AND coalesce(total, read, write) IS NOT NULL;

-- Likewise, and with another amount that it lets through for good. A cap on one direction alone has no such
-- amount, which is another one too.
CREATE MACRO is_sum_changed(sold_total, sold_read, sold_write, total, read, write) AS
    is_other_form(sold_total, sold_read, sold_write, total, read, write)
    AND ceiling_of(sold_total, sold_read, sold_write) IS DISTINCT FROM ceiling_of(total, read, write);

-- Whether reads are capped at what was sold for writes, and writes at what was sold for reads.
CREATE MACRO is_crossed(sold_read, sold_write, read, write) AS
    coalesce(sold_read = write AND sold_write = read AND read <> write, false);

-- Whether a cap is another one than was sold: its rate, its burst, or a burst that lasts longer. One that
-- lasts shorter, or has no length, is not told here.
CREATE MACRO is_other_cap(sold, sold_burst, sold_burst_seconds, cap, burst, burst_seconds) AS
    sold IS DISTINCT FROM cap
    OR sold_burst IS DISTINCT FROM burst
    OR coalesce(burst_seconds > sold_burst_seconds, false);

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

-- The most per second while a burst lasts; where there is no burst that is the cap. A burst without a
-- cap limits nothing.
CREATE MACRO burst_rate_of(cap, burst) AS
    CASE WHEN cap IS NOT NULL THEN greatest(cap, burst) END;

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

-- What a disk was observed to do over a time (microseconds), beside its caps (metering.md, rule 12).

-- Whether an amount over a time reaches 95 % of a cap per second; in integers, without a division.
CREATE MACRO is_at_cap(amount, cap, lasted_us) AS
    CASE WHEN cap IS NULL THEN false ELSE amount::HUGEINT * 100000000 >= cap::HUGEINT * 95 * lasted_us END;

-- The same for a cap on operations that counts a large request as several.
CREATE MACRO is_at_cap_by_size(bytes, io_size, cap, lasted_us) AS
    CASE
        WHEN cap IS NULL OR coalesce(io_size, 0) = 0 THEN false
        ELSE bytes::HUGEINT * 100000000 // io_size >= cap::HUGEINT * 95 * lasted_us
    END;

-- Whether a disk that did something came near one of its caps; `cap` has the columns of a sample's caps.
CREATE MACRO is_near_cap(read_ops, write_ops, read_bytes, write_bytes, cap, lasted_us) AS
    (read_ops > 0 OR write_ops > 0 OR read_bytes > 0 OR write_bytes > 0)
    AND (
        is_at_cap(read_ops::HUGEINT + write_ops, cap.cap_total_iops, lasted_us)
        OR is_at_cap(read_ops, cap.cap_read_iops, lasted_us)
        OR is_at_cap(write_ops, cap.cap_write_iops, lasted_us)
        OR is_at_cap_by_size(read_bytes::HUGEINT + write_bytes, cap.cap_io_size, cap.cap_total_iops, lasted_us)
        OR is_at_cap_by_size(read_bytes, cap.cap_io_size, cap.cap_read_iops, lasted_us)
        OR is_at_cap_by_size(write_bytes, cap.cap_io_size, cap.cap_write_iops, lasted_us)
        OR is_at_cap(read_bytes::HUGEINT + write_bytes, cap.cap_total_bps, lasted_us)
        OR is_at_cap(read_bytes, cap.cap_read_bps, lasted_us)
        OR is_at_cap(write_bytes, cap.cap_write_bps, lasted_us)
    );

-- The operations of requests as a limit counts them that takes a request for max(1, size / unit) operations:
-- at least so many, for the sizes of the requests are not known one by one.
CREATE MACRO counted_ops_of(ops, bytes, unit_bytes) AS
    greatest(ops, bytes // nullif(unit_bytes, 0));

-- Whether an amount is more than a cap, its burst and a tolerance (percent) let pass within a time.
CREATE MACRO is_above_cap(amount, cap, burst, burst_seconds, lasted_us, tolerance_percent) AS
    coalesce(
        amount::HUGEINT * 100 > most_within(cap, burst, burst_seconds, lasted_us) * (100 + tolerance_percent), false
    );

-- Which cap of a disk did not hold: `what` it counts, the `amount` that passed, the `cap` and its `unit`. NULL
-- where all held. `done` has what passed in `elapsed_us`, `cap` the columns of a sample's caps.
CREATE MACRO broken_cap_of(done, cap, tolerance_percent) AS
    CASE
        WHEN is_above_cap(
            counted_ops_of(
                done.read_ops::HUGEINT + done.write_ops, done.read_bytes::HUGEINT + done.write_bytes, cap.cap_io_size
            ),
            cap.cap_total_iops, cap.cap_total_iops_burst, cap.cap_total_iops_burst_seconds, done.elapsed_us,
            tolerance_percent
        ) THEN {
            'what': 'operations',
            'amount': counted_ops_of(
                done.read_ops::HUGEINT + done.write_ops, done.read_bytes::HUGEINT + done.write_bytes, cap.cap_io_size
            ),
            'cap': cap.cap_total_iops,
            'unit': 'operations per second'
        }
        WHEN is_above_cap(
            counted_ops_of(done.read_ops::HUGEINT, done.read_bytes, cap.cap_io_size),
            cap.cap_read_iops, cap.cap_read_iops_burst, cap.cap_read_iops_burst_seconds, done.elapsed_us,
            tolerance_percent
        ) THEN {
            'what': 'read operations',
            'amount': counted_ops_of(done.read_ops::HUGEINT, done.read_bytes, cap.cap_io_size),
            'cap': cap.cap_read_iops,
            'unit': 'operations per second'
        }
        WHEN is_above_cap(
            counted_ops_of(done.write_ops::HUGEINT, done.write_bytes, cap.cap_io_size),
            cap.cap_write_iops, cap.cap_write_iops_burst, cap.cap_write_iops_burst_seconds, done.elapsed_us,
            tolerance_percent
        ) THEN {
            'what': 'write operations',
            'amount': counted_ops_of(done.write_ops::HUGEINT, done.write_bytes, cap.cap_io_size),
            'cap': cap.cap_write_iops,
            'unit': 'operations per second'
        }
        WHEN is_above_cap(
            done.read_bytes::HUGEINT + done.write_bytes,
            cap.cap_total_bps, cap.cap_total_bps_burst, cap.cap_total_bps_burst_seconds, done.elapsed_us,
            tolerance_percent
        ) THEN {
            'what': 'bytes',
            'amount': done.read_bytes::HUGEINT + done.write_bytes,
            'cap': cap.cap_total_bps,
            'unit': 'bytes per second'
        }
        WHEN is_above_cap(
            done.read_bytes,
            cap.cap_read_bps, cap.cap_read_bps_burst, cap.cap_read_bps_burst_seconds, done.elapsed_us,
            tolerance_percent
        ) THEN {
            'what': 'bytes read',
            'amount': done.read_bytes::HUGEINT,
            'cap': cap.cap_read_bps,
            'unit': 'bytes per second'
        }
        WHEN is_above_cap(
            done.write_bytes,
            cap.cap_write_bps, cap.cap_write_bps_burst, cap.cap_write_bps_burst_seconds, done.elapsed_us,
            tolerance_percent
        ) THEN {
            'what': 'bytes written',
            'amount': done.write_bytes::HUGEINT,
            'cap': cap.cap_write_bps,
            'unit': 'bytes per second'
        }
    END;
