"""Azure Table Storage: rows, transactions, and a table with retry and limits.

What the rows hold is not known here. One request is sent by a client (`client.StorageClient`), of
which there are two: `rest` serves, `sdk` is its oracle. `azure_table` puts retry, time-outs and
limits around a client; their parameters are in `retry`, `rate_limiter` and `tenant_queue`.
"""
