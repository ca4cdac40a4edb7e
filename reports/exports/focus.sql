-- The rows of a FOCUS 1.2 file, with the two columns of 1.3 that name the provider: one row per charge
-- that has an amount and an account. $provider is who sells and bills, $is_closed tells whether the invoices stand.
WITH
-- one row per charge that is billed, with what several columns rest on
billed AS (
    SELECT
        *,
        coalesce(volume_id, vm_id || '/' || device, vm_id) AS resource_id,
        rate_card || ':' || rate_card_version AS price_list,
        charge_kind = 'credit' AS is_credit,
        json_merge_patch('{}', json_object(
            'ioledger/offering_id', offering_id,
            'ioledger/offering_name', offering_name,
            'ioledger/pool_id', pool_id,
            'ioledger/vm_id', vm_id,
            'ioledger/device', device,
            'ioledger/qos_class', qos_class
        ))::VARCHAR AS tags
    FROM charge
    WHERE amount IS NOT NULL AND account_id IS NOT NULL
)

SELECT
    amount AS "BilledCost",
    account_id AS "BillingAccountId",
    coalesce(nullif(account_name, ''), account_id) AS "BillingAccountName",
    'Account' AS "BillingAccountType",
    currency AS "BillingCurrency",
    billing_period_end AS "BillingPeriodEnd",
    billing_period_start AS "BillingPeriodStart",
    CASE WHEN is_credit THEN 'Credit' ELSE 'Usage' END AS "ChargeCategory",
    CASE WHEN correction IS NOT NULL THEN 'Correction' END AS "ChargeClass",
    coalesce(title, sku, meter)
    || CASE charge_kind
        WHEN 'free' THEN ', free of charge'
        WHEN 'minimum' THEN ', up to the minimum'
        ELSE ''
    END
    || CASE correction
        WHEN 'reversal' THEN ': takes back what was billed'
        WHEN 'replacement' THEN ': billed anew'
        ELSE ''
    END AS "ChargeDescription",
    'Usage-Based' AS "ChargeFrequency",
    charge_period_end AS "ChargePeriodEnd",
    charge_period_start AS "ChargePeriodStart",
    NULL::VARCHAR AS "CommitmentDiscountStatus",
    CASE WHEN NOT is_credit THEN usage_quantity END AS "ConsumedQuantity",
    CASE WHEN NOT is_credit THEN usage_unit END AS "ConsumedUnit",
    cost AS "ContractedCost",
    unit_price AS "ContractedUnitPrice",
    amount AS "EffectiveCost",
    $provider AS "HostProviderName",
    CASE WHEN $is_closed THEN billing_period || '-' || account_id || '-' || currency END AS "InvoiceId",
    $provider AS "InvoiceIssuerName",
    cost AS "ListCost",
    unit_price AS "ListUnitPrice",
    'Standard' AS "PricingCategory",
    currency AS "PricingCurrency",
    unit_price AS "PricingCurrencyContractedUnitPrice",
    amount AS "PricingCurrencyEffectiveCost",
    unit_price AS "PricingCurrencyListUnitPrice",
    pricing_quantity AS "PricingQuantity",
    -- FOCUS has no unit of both a number and a time: it reads 1000 GiB Hours, and not 1000 GiB-Hours
    CASE WHEN regexp_matches(pricing_unit, '^[0-9]') THEN replace(pricing_unit, '-', ' ') ELSE pricing_unit END
        AS "PricingUnit",
    $provider AS "ProviderName",
    $provider AS "PublisherName",
    zone_id AS "RegionId",
    zone_id AS "RegionName",
    resource_id AS "ResourceId",
    coalesce(CASE WHEN volume_id IS NOT NULL THEN nullif(volume_name, '') END, resource_id) AS "ResourceName",
    CASE WHEN volume_id IS NOT NULL THEN 'Volume' WHEN resource_id IS NOT NULL THEN 'Disk' END AS "ResourceType",
    'Storage' AS "ServiceCategory",
    'Block Storage' AS "ServiceName",
    $provider AS "ServiceProviderName",
    'Block Storage' AS "ServiceSubcategory",
    sku AS "SkuId",
    meter AS "SkuMeter",
    json_merge_patch('{}', json_object(
        'x_RateCard', rate_card,
        'x_RateCardVersion', rate_card_version,
        'x_Tier', tier
    ))::VARCHAR AS "SkuPriceDetails",
    sku || '@' || price_list || CASE
        WHEN charge_kind IN ('free', 'minimum') THEN '/' || charge_kind
        WHEN tier IS NOT NULL THEN '/' || tier
        ELSE ''
    END AS "SkuPriceId",
    project_id AS "SubAccountId",
    project_id AS "SubAccountName",
    CASE WHEN project_id IS NOT NULL THEN 'Project' END AS "SubAccountType",
    nullif(tags, '{}') AS "Tags",
    charge_id AS "x_ChargeId",
    charge_kind AS "x_ChargeKind",
    correction AS "x_Correction",
    corrects_charge_id AS "x_CorrectsChargeId",
    corrects_usage_record_id AS "x_CorrectsUsageRecordId",
    rate_card AS "x_RateCard",
    rate_card_version AS "x_RateCardVersion",
    rounding_difference AS "x_RoundingDifference",
    tier AS "x_Tier",
    usage_quantity AS "x_UsageQuantity",
    usage_record_count AS "x_UsageRecordCount",
    usage_unit AS "x_UsageUnit"
FROM billed;
