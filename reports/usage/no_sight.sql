-- Gives `edge` the columns of rule 4 where no epoch is new.
CREATE OR REPLACE TABLE edge AS
SELECT *, NULL::TIMESTAMPTZ AS counts_from, NULL::BOOLEAN AS was_there
FROM edge;
