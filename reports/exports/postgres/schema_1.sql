-- Version 1 of the schema that `ioledger export --as postgres` writes to. A later version is a file of its own,
-- which is executed on top of this one.
CREATE SCHEMA ioledger;

-- one row: which of these files the schema has seen
CREATE TABLE ioledger.schema_version (
    version integer NOT NULL
);

INSERT INTO ioledger.schema_version VALUES (0);

-- one row per table and billing period that was exported
CREATE TABLE ioledger.export (
    table_name text,
    billing_period text,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    status text NOT NULL,
    row_count bigint NOT NULL,
    totals jsonb NOT NULL,
    provenance jsonb NOT NULL,
    exported_at timestamptz NOT NULL,
    PRIMARY KEY (table_name, billing_period)
);

-- one row per role and account whose rows the role sees
CREATE TABLE ioledger.tenant (
    role_name name,
    account_id text,
    PRIMARY KEY (role_name, account_id)
);

-- one row per usage record, as in the lake
CREATE TABLE ioledger.usage_record (
    billing_period text NOT NULL,
    usage_record_id text PRIMARY KEY,
    kind text NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    volume_id text,
    vm_id text,
    device text,
    account_id text,
    project_id text,
    offering_id text,
    pool_id text,
    zone_id text,
    qos_class text NOT NULL,
    provisioned boolean NOT NULL,
    throttled boolean NOT NULL,
    read_ops bigint NOT NULL,
    write_ops bigint NOT NULL,
    flush_ops bigint NOT NULL,
    read_bytes bigint NOT NULL,
    write_bytes bigint NOT NULL,
    guaranteed_ops bigint NOT NULL,
    burst_ops bigint NOT NULL,
    throttled_ops bigint NOT NULL,
    best_effort_ops bigint NOT NULL,
    unclassified_ops bigint NOT NULL,
    observed_seconds numeric(38, 6) NOT NULL,
    gap_seconds numeric(38, 6) NOT NULL,
    at_cap_seconds numeric(38, 6) NOT NULL,
    cap_iops_seconds numeric(38, 6) NOT NULL,
    resets bigint NOT NULL,
    sold_iops_seconds numeric(38, 6) NOT NULL,
    guaranteed_iops_seconds numeric(38, 6) NOT NULL,
    deliverable_iops_seconds numeric(38, 6) NOT NULL,
    max_iops_seconds numeric(38, 6) NOT NULL,
    gib_seconds numeric(38, 6) NOT NULL,
    revision bigint NOT NULL
);

CREATE INDEX usage_record_by_period_and_account ON ioledger.usage_record (billing_period, account_id);
CREATE INDEX usage_record_by_account ON ioledger.usage_record (account_id, window_start);

-- one row per line of a bill, as in the lake
CREATE TABLE ioledger.charge (
    charge_id text PRIMARY KEY,
    billing_period text NOT NULL,
    billing_period_start timestamptz NOT NULL,
    billing_period_end timestamptz NOT NULL,
    charge_period_start timestamptz NOT NULL,
    charge_period_end timestamptz NOT NULL,
    charge_kind text NOT NULL,
    correction text,
    corrects_charge_id text,
    corrects_usage_record_id text,
    corrected_record_count bigint,
    account_id text,
    account_name text,
    project_id text,
    offering_id text,
    offering_name text,
    pool_id text,
    zone_id text,
    volume_id text,
    volume_name text,
    vm_id text,
    device text,
    qos_class text,
    rate_card text,
    rate_card_version text,
    currency text,
    sku text,
    title text,
    meter text NOT NULL,
    tier bigint,
    usage_record_count bigint NOT NULL,
    usage_quantity numeric(38, 6) NOT NULL,
    usage_unit text NOT NULL,
    usage_per_pricing_unit numeric(38, 6),
    pricing_quantity numeric(38, 12),
    pricing_unit text,
    unit_price numeric(38, 12),
    cost numeric(38, 12),
    amount numeric(38, 12),
    rounding_difference numeric(38, 12),
    reason text
);

CREATE INDEX charge_by_period_and_account ON ioledger.charge (billing_period, account_id);
CREATE INDEX charge_by_account ON ioledger.charge (account_id, charge_period_start);

-- Who neither owns the tables nor may bypass row-level security sees the rows of its accounts and no others,
-- whichever way it reads.
ALTER TABLE ioledger.tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE ioledger.usage_record ENABLE ROW LEVEL SECURITY;
ALTER TABLE ioledger.charge ENABLE ROW LEVEL SECURITY;

CREATE POLICY own ON ioledger.tenant FOR SELECT USING (role_name = current_user);

CREATE POLICY own ON ioledger.usage_record FOR SELECT USING (
    account_id IN (SELECT account_id FROM ioledger.tenant WHERE role_name = current_user)
);

CREATE POLICY own ON ioledger.charge FOR SELECT USING (
    account_id IN (SELECT account_id FROM ioledger.tenant WHERE role_name = current_user)
);

-- The rows of the reader's own accounts, whoever reads: also the owner of the tables.
CREATE VIEW ioledger.my_usage_record WITH (security_invoker) AS
SELECT *
FROM ioledger.usage_record
WHERE account_id IN (SELECT account_id FROM ioledger.tenant WHERE role_name = current_user);

CREATE VIEW ioledger.my_charge WITH (security_invoker) AS
SELECT *
FROM ioledger.charge
WHERE account_id IN (SELECT account_id FROM ioledger.tenant WHERE role_name = current_user);
