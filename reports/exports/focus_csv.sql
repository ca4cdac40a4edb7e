-- The same rows as text: one row per FOCUS row. Numbers keep a decimal point, without which readers that
-- guess types take a column of whole amounts for integers; times are whole seconds of UTC.
SELECT * REPLACE (
    decimal_text("BilledCost") AS "BilledCost",
    time_text("BillingPeriodEnd") AS "BillingPeriodEnd",
    time_text("BillingPeriodStart") AS "BillingPeriodStart",
    time_text("ChargePeriodEnd") AS "ChargePeriodEnd",
    time_text("ChargePeriodStart") AS "ChargePeriodStart",
    decimal_text("ConsumedQuantity") AS "ConsumedQuantity",
    decimal_text("ContractedCost") AS "ContractedCost",
    decimal_text("ContractedUnitPrice") AS "ContractedUnitPrice",
    decimal_text("EffectiveCost") AS "EffectiveCost",
    decimal_text("ListCost") AS "ListCost",
    decimal_text("ListUnitPrice") AS "ListUnitPrice",
    decimal_text("PricingCurrencyContractedUnitPrice") AS "PricingCurrencyContractedUnitPrice",
    decimal_text("PricingCurrencyEffectiveCost") AS "PricingCurrencyEffectiveCost",
    decimal_text("PricingCurrencyListUnitPrice") AS "PricingCurrencyListUnitPrice",
    decimal_text("PricingQuantity") AS "PricingQuantity",
    decimal_text("x_RoundingDifference") AS "x_RoundingDifference",
    decimal_text("x_UsageQuantity") AS "x_UsageQuantity"
)
FROM focus;
