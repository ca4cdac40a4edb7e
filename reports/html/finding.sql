-- What checks found: one row per problem, as the last of the checks that are shown knows it. Which of them is the
-- last is $last_checked_at.
SELECT
    code,
    severity,
    status,
    resource_kind,
    resource_id,
    vm_id,
    volume_id,
    account_id,
    observed,
    expected,
    unit,
    reason,
    first_seen_at,
    last_seen_at,
    -- what no later check told of any more was gone at the latest when the next one was made
    coalesce(resolved_at, CASE WHEN checked_at < $last_checked_at THEN last_seen_at END) AS resolved_at,
    coalesce(returns, 0) AS returns,
    exempted_by
FROM finding
QUALIFY
    row_number() OVER (
        PARTITION BY code, resource_kind, resource_id, status
        ORDER BY checked_at DESC
    ) = 1
ORDER BY
    list_position(['critical', 'high', 'medium', 'low'], severity),
    resolved_at NULLS FIRST,
    first_seen_at,
    code,
    resource_id,
    status;
