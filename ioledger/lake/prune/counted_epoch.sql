-- An epoch that has counted already is not new later.
DELETE FROM silence
WHERE EXISTS (
    FROM last_sample
    WHERE
        last_sample.vm_id = silence.vm_id
        AND last_sample.device = silence.device
        AND last_sample.epoch = silence.epoch
);
