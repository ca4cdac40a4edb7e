"""`make bench-collect`: collection measured beside other readers of the same libvirt."""
