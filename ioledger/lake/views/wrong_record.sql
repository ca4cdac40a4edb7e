-- What is wrong with the usage records of one file (`record`): one row, with how many records are so.
SELECT
    count(*) FILTER (usage_record_id <> usage_record_id_of(record)) AS misnamed,
    count(*) - count(DISTINCT usage_record_id) AS repeated,
    count(*) FILTER (
        guaranteed_ops::HUGEINT + burst_ops + throttled_ops + best_effort_ops + unclassified_ops
        <> read_ops::HUGEINT + write_ops
    ) AS unequal
FROM record;
