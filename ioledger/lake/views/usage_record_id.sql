-- The name of a usage record (metering.md, usage_record): a digest of its key and revision; `record` has
-- the columns of a usage record.
CREATE MACRO usage_record_id_of(record) AS
    sha256(
        json_array(
            record.kind,
            epoch_us(record.window_start),
            record.volume_id,
            record.vm_id,
            record.device,
            record.account_id,
            record.project_id,
            record.offering_id,
            record.pool_id,
            record.zone_id,
            record.qos_class,
            record.revision
        )::VARCHAR
    );
