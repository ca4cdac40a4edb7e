"""Facts: reads hypervisors, storage and control planes into the lake, and judges nothing."""
