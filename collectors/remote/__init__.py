"""What sources share that ask a service over a network."""
