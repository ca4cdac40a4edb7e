-- Whether theirs is k times ours, to the twentieth part of ours.
CREATE TEMP MACRO is_multiple(theirs, ours, k) AS k > 1 AND ours > 0 AND 20 * abs(theirs - k * ours) <= ours;

-- How many times ours theirs is, in words, cut off after two places.
CREATE TEMP MACRO in_hundredths(theirs, ours) AS
    format('{}.{:02d}', (theirs // ours)::BIGINT, (100 * theirs // ours % 100)::BIGINT);
