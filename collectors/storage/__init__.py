"""Sources of kind `storage`: volumes and what they are set to. None knows a hypervisor."""
