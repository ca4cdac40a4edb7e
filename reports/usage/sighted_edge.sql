-- Adds to `edge` since when each new epoch counts (`counts_from`, NULL: it is a mere baseline) and
-- whether its disk was there before.
CREATE OR REPLACE TABLE edge AS
SELECT edge.*, sight.counts_from, sight.was_there
FROM edge
LEFT JOIN first_sight_of('watched', 'present') AS sight USING (vm_id, device, epoch);
