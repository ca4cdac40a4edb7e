-- What a shard has of a day: one row per guest, and one per volume.
CREATE TABLE share_guest AS
SELECT unnest($guests::VARCHAR[]) AS vm_id;

CREATE TABLE share_volume AS
SELECT unnest($volumes::VARCHAR[]) AS volume_id;
