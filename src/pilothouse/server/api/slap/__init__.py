"""The SLAP protocol as unmodified clients and nodes of SlapOS speak it: classic paths, hateoas, JSON-RPC.

Nothing here knows how the master works: every call becomes values, one function of ``pilothouse.server.master`` inside
a read or a write of the store, and an answer. Everything is put together in `application.create_app`.

    exchange routes       a request, an answer, and which handler serves which path
    application bodies    the ASGI application; how much of a body is read, and how long
    calls refusals        running a handler's work in the store; errors to statuses
    requester             the partition that a request is made for
    forms classic_*       the classic paths, and their forms
    documents             answers of the master as marshalled values
    node_documents        a node's document, marshalled once a revision
    hateoas_*             searches and documents of hateoas
    jsonrpc_* openapi     the JSON-RPC methods, and their description
    shacache content      the network cache
    certificates relay    what is asked of identity; the relay to allowed hosts
"""
