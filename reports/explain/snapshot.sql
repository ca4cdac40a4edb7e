-- What was in force of a volume in some hours: one row per table, snapshot and stretch of time for which it stands.
SELECT 'provisioned_iops' AS "table", valid_from, valid_to, allocation AS snapshot
FROM (FROM allocation_in_force SELECT * EXCLUDE (provisioned, enforced)) AS allocation
WHERE valid_from < $end AND valid_to > $start
UNION ALL BY NAME
SELECT 'entitlement' AS "table", valid_from, valid_to, entitlement AS entitlement
FROM entitlement_in_force AS entitlement
WHERE valid_from < $end AND valid_to > $start
ORDER BY "table" DESC, valid_from;
