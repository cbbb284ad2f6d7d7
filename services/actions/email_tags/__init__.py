"""Tags and lists on e-mail platforms: one kind for all (`kind.py`), one adaptor a platform behind `audience.py`.

Consent is respected, never changed: a contact's status is its own; one we make is subscribed only by consent.
"""

from services.actions.email_tags.kind import EmailTags

__all__ = ["EmailTags"]
