"""Azure Table Storage: rows, transactions, and a table with retry and limits.

Nothing here knows what the rows hold. One request to the service is sent by a client
(`service.StorageClient`), of which there are two: `rest` serves, `sdk` is its oracle.
"""
