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

-- The six caps of a disk in words.
CREATE OR REPLACE MACRO caps_words(
    total_iops, total_iops_burst, total_iops_burst_seconds,
    read_iops, read_iops_burst, read_iops_burst_seconds,
    write_iops, write_iops_burst, write_iops_burst_seconds,
    total_bps, total_bps_burst, total_bps_burst_seconds,
    read_bps, read_bps_burst, read_bps_burst_seconds,
    write_bps, write_bps_burst, write_bps_burst_seconds
) AS
    coalesce(
        nullif(
            concat_ws(
                ', ',
                cap_words(total_iops, total_iops_burst, total_iops_burst_seconds, 'IOPS in total'),
                cap_words(read_iops, read_iops_burst, read_iops_burst_seconds, 'read IOPS'),
                cap_words(write_iops, write_iops_burst, write_iops_burst_seconds, 'write IOPS'),
                cap_words(total_bps, total_bps_burst, total_bps_burst_seconds, 'bytes/s in total'),
                cap_words(read_bps, read_bps_burst, read_bps_burst_seconds, 'read bytes/s'),
                cap_words(write_bps, write_bps_burst, write_bps_burst_seconds, 'write bytes/s')
            ),
            ''
        ),
        'no cap'
    );

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
