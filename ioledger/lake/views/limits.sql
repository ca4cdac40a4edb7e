-- Effective limits of a disk, said once for usage and rules alike (metering.md, rules 10 and 13).

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
