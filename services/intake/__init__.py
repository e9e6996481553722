"""Intake owns what comes in: requests as received, their documents, and the inbox (SOP step 1).

Requests reach it by HTTP, by e-mail and on the topics of integrators. It hears the decisions,
configurations, notifications and records of the other services into the status that it tells, and
says `RequestReceived` and `WithdrawalRequested` on `bmt.requests.v1`. Each integrator is answered on
`bmt.outbound.<integrator>.v1`, which nobody else reads. What a person must read first waits in the
inbox of the agency, whole; nothing is ever deleted.
"""
