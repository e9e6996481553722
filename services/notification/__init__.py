"""Notification tells the user where the request stands (SOP 4.1.1 and 4.2.1, step 4).

It owns the notices: an acknowledgement, one for each return, then exactly one outcome, each by e-mail or
on paper, in Malay and English. It hears `RequestReceived`, `Rejected`, `ReturnedForCorrection`,
`Withdrawn` and `Configured` from intake, approval and provisioning, composes and stores what the user will
read, sends it (or has it handed over), and says `NotificationPrepared`, `Notified` and
`NotificationFailed` on `bmt.notifications.v1`. The words are those that the agency's administrators saved, or
those that bmt brings. It also hears `ReviewOpened` and `Approved`, and reminds the agency's office of what the
client charter promises: by e-mail, once each, and on no topic.
"""
