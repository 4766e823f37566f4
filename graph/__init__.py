"""The graph database: connection, embedded server, schema, writes, snapshot, publish, client."""
