module workload

go 1.13
