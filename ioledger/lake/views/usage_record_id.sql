-- The name of a usage record (metering.md, usage_record): a digest of its key and revision.
CREATE MACRO usage_record_id_of(
    kind,
    window_start,
    volume_id,
    vm_id,
    device,
    account_id,
    project_id,
    offering_id,
    pool_id,
    zone_id,
    qos_class,
    revision
) AS
    sha256(
        json_array(
            kind,
            epoch_us(window_start),
            volume_id,
            vm_id,
            device,
            account_id,
            project_id,
            offering_id,
            pool_id,
            zone_id,
            qos_class,
            revision
        )::VARCHAR
    );
