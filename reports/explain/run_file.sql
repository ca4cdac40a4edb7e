-- Which files have rows of the runs that are `wanted`: one row per run and file of `in_file`.
SELECT DISTINCT in_file.source, in_file.run_id, in_file.filename
FROM in_file
SEMI JOIN wanted
    ON wanted.source = in_file.source AND wanted.run_id = in_file.run_id
ORDER BY ALL;
