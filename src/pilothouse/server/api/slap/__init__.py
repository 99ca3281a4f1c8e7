"""The SLAP protocol as unmodified clients and nodes of SlapOS speak it: classic paths, hateoas, JSON-RPC.

Nothing here knows how the master works: every call becomes values, one function of ``pilothouse.server.master`` inside
a read or a write of the store, and an answer. Everything is put together in `doors.create_app`.

    exchange routes options   a request, an answer, which handler serves which path, what the assembly decides
    application bodies        the ASGI application; how much of a body is read, and how long
    calls refusals            who calls, and running a handler's work in the store; errors to statuses
    requester                 the partition that a request is made for
    classic forms classic_*   the classic paths, and their forms
    documents node_format     answers of the master as marshalled values; what nodes post
    node_documents signs_of_life
                              a node's document, marshalled once a revision; that its node asked for it
    hateoas hateoas_*         searches and documents of hateoas
    jsonrpc jsonrpc_* openapi the JSON-RPC methods, and their description
    certificates              certificates and tokens that the dialects hand out
    shacache content downloads upstream
                              the network cache
    relay                     the relay to allowed hosts
    elsewhere                 requests that another master carries out
"""
