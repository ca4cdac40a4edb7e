-- Which side counts where storage and hypervisor both limit a disk (metering.md, policy modes), said
-- once for usage and rules alike.

-- The row of `policy_mode` that counts for an offering, a pool and an account (NULL where not known) at a
-- moment, as a struct.
--
-- The table is read once for a whole statement, as one list that is searched for each row: no join. What
-- is asked for goes through a list of its own, because a lambda cannot hold a subquery that a caller gives.
CREATE MACRO policy_mode_row_at(offering_id, pool_id, account_id, moment) AS
    list_transform(
        [
            struct_pack(
                modes := (SELECT list(policy_mode ORDER BY policy_mode.valid_from, policy_mode.place) FROM policy_mode),
                offering := offering_id,
                pool := pool_id,
                account := account_id,
                at_us := epoch_us(moment)
            )
        ],
        lambda asked: list_filter(
            asked.modes,
            lambda told:
                epoch_us(told.valid_from) <= asked.at_us
                AND epoch_us(told.valid_to) > asked.at_us
                AND coalesce(told.offering_id, asked.offering) IS NOT DISTINCT FROM asked.offering
                AND coalesce(told.pool_id, asked.pool) IS NOT DISTINCT FROM asked.pool
                AND coalesce(told.account_id, asked.account) IS NOT DISTINCT FROM asked.account
        )[1]
    )[1];

-- The mode of an offering, a pool and an account (NULL where not known) at a moment: 'either_or',
-- 'storage_wins' or 'hypervisor_wins'.
CREATE MACRO policy_mode_at(offering_id, pool_id, account_id, moment) AS
    policy_mode_row_at(offering_id, pool_id, account_id, moment).mode;

-- The side that counts as not set at a moment, 'storage' or 'hypervisor', where a volume is provisioned
-- and its disk has a cap. NULL where not both are, and where neither side wins: then both count. The
-- mode is looked up for disks with both alone, so that others cost nothing; therefore it is named once.
CREATE MACRO losing_side_at(provisioned, capped, offering_id, pool_id, account_id, moment) AS
    CASE
        WHEN provisioned AND capped
            THEN policy_mode_row_at(offering_id, pool_id, account_id, moment).losing_side
    END;
