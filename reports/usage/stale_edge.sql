-- Whether edges that were kept go on from other samples than the series have now: one row.
SELECT
    EXISTS (
        SELECT vm_id, device, epoch, COLUMNS('^opening_.+$')
        FROM edge
        WHERE opening_sampled_at IS NOT NULL
        EXCEPT
        SELECT vm_id, device, epoch, COLUMNS('^opening_.+$')
        FROM carried
    )
    OR EXISTS (
        FROM edge
        SEMI JOIN carried USING (vm_id, device, epoch)
        WHERE opening_sampled_at IS NULL
    );
