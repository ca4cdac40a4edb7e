-- The caps of disks, and those that were sold, in words. `is_asked` tells whether a cap is to be named at all:
-- NULL where it is not.

-- One cap in words: its rate, burst and the length of the burst; NULL where neither rate nor burst is set.
CREATE OR REPLACE MACRO cap_words(rate, burst, burst_seconds, unit) AS
    CASE
        WHEN coalesce(rate, burst) IS NOT NULL
            THEN concat_ws(
                ' ', rate, unit, '(burst ' || burst || coalesce(' for ' || burst_seconds || ' s', '') || ')'
            )
    END;

-- Likewise where it is asked for, and also if none is set; otherwise NULL.
CREATE OR REPLACE MACRO cap_told(is_asked, rate, burst, burst_seconds, unit) AS
    CASE WHEN is_asked THEN coalesce(cap_words(rate, burst, burst_seconds, unit), 'no cap on ' || unit) END;

-- The six caps of a row with the columns of a disk's caps, in words.
CREATE OR REPLACE MACRO caps_words(caps) AS
    coalesce(
        nullif(
            concat_ws(
                ', ',
                cap_words(
                    caps.cap_total_iops,
                    caps.cap_total_iops_burst,
                    caps.cap_total_iops_burst_seconds,
                    'IOPS in total'
                ),
                cap_words(caps.cap_read_iops, caps.cap_read_iops_burst, caps.cap_read_iops_burst_seconds, 'read IOPS'),
                cap_words(
                    caps.cap_write_iops,
                    caps.cap_write_iops_burst,
                    caps.cap_write_iops_burst_seconds,
                    'write IOPS'
                ),
                cap_words(
                    caps.cap_total_bps,
                    caps.cap_total_bps_burst,
                    caps.cap_total_bps_burst_seconds,
                    'bytes/s in total'
                ),
                cap_words(caps.cap_read_bps, caps.cap_read_bps_burst, caps.cap_read_bps_burst_seconds, 'read bytes/s'),
                cap_words(
                    caps.cap_write_bps,
                    caps.cap_write_bps_burst,
                    caps.cap_write_bps_burst_seconds,
                    'write bytes/s'
                )
            ),
            ''
        ),
        'no cap'
    );

-- Likewise of a row with the columns of the caps that were sold.
CREATE OR REPLACE MACRO sold_caps_words(caps) AS
    coalesce(
        nullif(
            concat_ws(
                ', ',
                cap_words(
                    caps.sold_cap_total_iops,
                    caps.sold_cap_total_iops_burst,
                    caps.sold_cap_total_iops_burst_seconds,
                    'IOPS in total'
                ),
                cap_words(
                    caps.sold_cap_read_iops,
                    caps.sold_cap_read_iops_burst,
                    caps.sold_cap_read_iops_burst_seconds,
                    'read IOPS'
                ),
                cap_words(
                    caps.sold_cap_write_iops,
                    caps.sold_cap_write_iops_burst,
                    caps.sold_cap_write_iops_burst_seconds,
                    'write IOPS'
                ),
                cap_words(
                    caps.sold_cap_total_bps,
                    caps.sold_cap_total_bps_burst,
                    caps.sold_cap_total_bps_burst_seconds,
                    'bytes/s in total'
                ),
                cap_words(
                    caps.sold_cap_read_bps,
                    caps.sold_cap_read_bps_burst,
                    caps.sold_cap_read_bps_burst_seconds,
                    'read bytes/s'
                ),
                cap_words(
                    caps.sold_cap_write_bps,
                    caps.sold_cap_write_bps_burst,
                    caps.sold_cap_write_bps_burst_seconds,
                    'write bytes/s'
                )
            ),
            ''
        ),
        'no cap'
    );

-- Whether any cap or burst is set in such a row; a size of requests or a group alone limits nothing.
CREATE OR REPLACE MACRO is_any_cap(caps) AS
    coalesce(
        caps.cap_total_iops,
        caps.cap_total_iops_burst,
        caps.cap_read_iops,
        caps.cap_read_iops_burst,
        caps.cap_write_iops,
        caps.cap_write_iops_burst,
        caps.cap_total_bps,
        caps.cap_total_bps_burst,
        caps.cap_read_bps,
        caps.cap_read_bps_burst,
        caps.cap_write_bps,
        caps.cap_write_bps_burst
    ) IS NOT NULL;

-- All that such a row tells of caps, in words.
CREATE OR REPLACE MACRO all_caps_words(caps) AS
    concat(
        caps_words(caps),
        CASE WHEN is_any_cap(caps) THEN ', counted by ' || caps.cap_io_size || ' bytes' END,
        CASE WHEN is_any_cap(caps) THEN ', in group ' || caps.cap_group END
    );

-- A number that differs where these words do, and is had for less.
CREATE OR REPLACE MACRO caps_hash(caps) AS
    CASE
        WHEN is_any_cap(caps)
            THEN hash(
                caps.cap_total_iops,
                caps.cap_total_iops_burst,
                caps.cap_total_iops_burst_seconds,
                caps.cap_read_iops,
                caps.cap_read_iops_burst,
                caps.cap_read_iops_burst_seconds,
                caps.cap_write_iops,
                caps.cap_write_iops_burst,
                caps.cap_write_iops_burst_seconds,
                caps.cap_total_bps,
                caps.cap_total_bps_burst,
                caps.cap_total_bps_burst_seconds,
                caps.cap_read_bps,
                caps.cap_read_bps_burst,
                caps.cap_read_bps_burst_seconds,
                caps.cap_write_bps,
                caps.cap_write_bps_burst,
                caps.cap_write_bps_burst_seconds,
                caps.cap_io_size,
                caps.cap_group
            )
        ELSE 0
    END;

-- A burst that has no length, or a shorter one than was sold with a burst.
CREATE OR REPLACE MACRO is_short_burst(burst, burst_seconds, sold_burst, sold_burst_seconds) AS
    burst IS NOT NULL
    AND (burst_seconds IS NULL OR coalesce(sold_burst IS NOT NULL AND burst_seconds < sold_burst_seconds, false));

-- How long a burst may last, in words; NULL where there is none, or one without a length.
CREATE OR REPLACE MACRO length_told(is_asked, burst, burst_seconds) AS
    CASE WHEN is_asked AND burst IS NOT NULL THEN burst_seconds || ' s' END;

-- A burst and its length in words; NULL where there is none.
CREATE OR REPLACE MACRO burst_told(is_asked, burst, burst_seconds, unit) AS
    CASE WHEN is_asked THEN burst || ' ' || unit || coalesce(' for ' || burst_seconds || ' s', ' without a length') END;

-- Likewise, with the length that was sold.
CREATE OR REPLACE MACRO burst_told_and_sold(is_asked, burst, burst_seconds, sold_burst, sold_burst_seconds, unit) AS
    burst_told(is_asked, burst, burst_seconds, unit)
    || coalesce(', sold for ' || length_told(is_asked, sold_burst, sold_burst_seconds), '');

-- Several lengths, each once; NULL where there is none.
CREATE OR REPLACE MACRO lengths_told(lengths) AS
    nullif(array_to_string(list_sort(list_distinct(lengths)), ', '), '');
