"""Approval owns the decision on a request (SOP step 2, and 5.0: every request must be approved).

It hears `RequestReceived` and `WithdrawalRequested` from intake, keeps each agency's worklist, and takes
its administrators' decisions. It says `ReviewOpened`, `Approved`, `Rejected`, `ReturnedForCorrection` and
`Withdrawn` on `bmt.decisions.v1`: exactly one of the last four ends a review, whoever comes first.
"""
