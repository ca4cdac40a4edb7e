-- What the records of some hours were made of: one row per piece (`piece`), with the interval that it is cut
-- from and the samples that this lies between. `opening` is NULL where the counters count from zero since an
-- epoch began, and where a source reports rates.
WITH
-- one row per interval, with the sample that closes it and the one that opens it
told AS (
    SELECT
        interval.vm_id,
        interval.device,
        interval.epoch,
        interval.volume_id,
        interval.interval_start,
        interval.interval_end,
        interval.is_gap,
        interval.resets AS interval_resets,
        closing AS closing,
        -- a row that was not found is no row of NULLs
        CASE WHEN opening.sampled_at IS NOT NULL THEN opening END AS opening
    FROM interval
    JOIN counting_sample AS closing
        ON closing.vm_id = interval.vm_id
        AND closing.device IS NOT DISTINCT FROM interval.device
        AND closing.epoch = interval.epoch
        AND closing.sampled_at = interval.interval_end
        AND coalesce(closing.window_start = interval.interval_start, true)
    LEFT JOIN counting_sample AS opening
        ON opening.vm_id = interval.vm_id
        AND opening.device IS NOT DISTINCT FROM interval.device
        AND opening.epoch = interval.epoch
        AND opening.sampled_at = interval.interval_start
        AND opening.window_start IS NULL
        AND closing.window_start IS NULL
    WHERE interval.interval_start < $end AND interval.interval_end > $start
)

SELECT
    piece.*,
    told.interval_start,
    told.interval_end,
    told.interval_resets,
    told.opening,
    told.closing
FROM piece
-- intervals of one epoch follow one another: the last that begins by then is the one that the piece is cut from
ASOF JOIN told
    ON told.vm_id = piece.vm_id
    AND coalesce(told.device, '') = coalesce(piece.device, '')
    AND told.epoch = piece.epoch
    AND coalesce(told.volume_id, '') = coalesce(piece.volume_id, '')
    AND piece.piece_start >= told.interval_start
WHERE told.interval_end >= piece.piece_end
ORDER BY piece.vm_id, piece.device, piece.piece_start, piece.piece_end;
