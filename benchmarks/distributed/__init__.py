"""`make bench-dask`: a local build of two threads beside two workers of Dask of one thread each."""
