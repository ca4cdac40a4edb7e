-- What is withheld of the hours that overlap $start to $end, in the order of the table.
SELECT *
FROM quarantine
WHERE window_start < $end AND window_end > $start
ORDER BY ALL NULLS LAST;
