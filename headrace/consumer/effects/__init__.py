"""Effects: mails, coupons, notes, calls, done once for a cause; each recorded before it is tried and after it was done.

A sender is a `Sender`: it does one effect, and says whether it was done, was not, or may have been. When it may go out,
what is never repeated, and what a person has to decide is the loop's.
"""

from headrace.consumer.effects.sender import Contact, Done, InDoubt, Letter, NotNow, Refused, Sender

__all__ = ["Contact", "Done", "InDoubt", "Letter", "NotNow", "Refused", "Sender"]
