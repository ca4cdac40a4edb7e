"""Usage records: what each disk did and what each volume held, hour by hour, as metering.md says."""
