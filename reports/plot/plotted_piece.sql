-- What the disks of a volume did: one row per piece (metering.md, rule 8) between $start and $end, with the
-- caps that judged it.
SELECT
    piece.vm_id,
    piece.device,
    piece.piece_start,
    piece.piece_end,
    piece.lasted_us,
    piece.is_gap,
    piece.at_cap_us > 0 AS is_at_cap,
    piece.resets,
    piece.qos_class,
    piece.read_ops,
    piece.write_ops,
    piece.read_bytes,
    piece.write_bytes,
    cut.cap_total_iops,
    cut.cap_read_iops,
    cut.cap_write_iops,
    cut.cap_total_bps,
    cut.cap_read_bps,
    cut.cap_write_bps
FROM piece
JOIN cut_interval AS cut
    ON cut.vm_id = piece.vm_id
    AND cut.device IS NOT DISTINCT FROM piece.device
    AND cut.epoch = piece.epoch
    AND cut.volume_id = piece.volume_id
    AND cut.piece_start = piece.piece_start
    AND cut.piece_end = piece.piece_end
WHERE piece.volume_id = $volume AND piece.piece_start < $end AND piece.piece_end > $start
ORDER BY piece.piece_start, piece.piece_end, piece.vm_id, piece.device;
