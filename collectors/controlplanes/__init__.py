"""Sources of kind `controlplane`: what was sold, and to whom."""
