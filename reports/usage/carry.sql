-- Moves `carried` on over the day whose edges are in `edge`.
CREATE OR REPLACE TABLE carried AS
SELECT vm_id, device, epoch, COLUMNS('^last_(.+)$') AS 'opening_\1'
FROM edge
UNION ALL BY NAME
SELECT *
FROM carried
ANTI JOIN edge USING (vm_id, device, epoch);
