-- Rows for people.

-- What is known of a side in words, by its status.
CREATE OR REPLACE MACRO side_words(status, words, source, read_at) AS
    CASE status
        WHEN 'missing' THEN 'nobody tells'
        WHEN 'in_force' THEN words || '; ' || source || ' ' || minute_of(read_at)
        ELSE CASE status WHEN 'stale' THEN 'too old' WHEN 'unlisted' THEN 'no longer listed' ELSE 'could not be read' END
        || '; ' || source || ' ' || minute_of(read_at)
    END;

-- Limits in words; NULL where none is set.
CREATE OR REPLACE MACRO limit_words(min_iops, max_iops, burst_iops, max_bps) AS
    nullif(
        concat_ws(
            ', ',
            'minimum ' || min_iops,
            'maximum ' || max_iops,
            'burst ' || burst_iops,
            max_bps || ' bytes/s'
        ),
        ''
    );

-- One row per row of `volume_row`, each side in words with when it was read.
CREATE OR REPLACE VIEW people_row AS
SELECT
    coalesce(volume_id, 'no volume')
    || coalesce(' (' || volume_name || ')', '')
    || coalesce(', ' || coalesce(vm_name, vm_id) || coalesce('/' || device, ''), '') AS volume,
    side_words(
        sold_status,
        coalesce(
            nullif(
                concat_ws(
                    ', ',
                    limit_words(sold_min_iops, sold_max_iops, sold_burst_iops, NULL),
                    nullif(sold_caps_words(volume_row), 'no cap')
                ),
                ''
            ),
            'no limits'
        ),
        sold_source,
        sold_read_at
    ) AS sold,
    side_words(
        set_status,
        coalesce(limit_words(min_iops, max_iops, burst_iops, max_bps), 'no limits')
        || CASE WHEN min_iops IS NOT NULL AND NOT is_enforced(min_iops, min_enforced) THEN ', not enforced' ELSE '' END,
        set_source,
        set_read_at
    )
    || coalesce('; counts ' || storage_iops || ' IOPS', '') AS "set",
    side_words(enforced_status, all_caps_words(volume_row), enforced_source, enforced_read_at)
    || coalesce('; counts ' || hypervisor_iops || ' IOPS', '') AS enforced,
    deliverable_iops AS deliverable,
    differs,
    reasons,
    volume_id,
    vm_id,
    device,
    enforced_source
FROM volume_row;
