-- What is open by the last check: one row per finding.
SELECT code, resource_id, volume_id
FROM open_finding;
