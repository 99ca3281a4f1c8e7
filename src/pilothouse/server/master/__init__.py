"""What the master does, whatever dialect asks: plain functions over a connection of the store.

Every dialect (classic, hateoas, JSON-RPC, REST) calls these and nothing below them. Each takes the connection,
who calls, what is asked, and for changes the time; each refuses by an error of ``pilothouse.server.master.errors``
and writes the audit entry of what it changed in the same transaction.

    nodes       format, documents, lists, status, bang, request of a new node, certificates' subjects
    software    supply, list, reports of a node
    instances   request, documents, lists, rename, bang, connection parameters, reports of a node
"""
