"""Mail: a message from its parts (`message`, pure) and the one adapter that speaks SMTP (`smtp`)."""

from headrace.platforms.mail.message import Mail, address_of, message_bytes
from headrace.platforms.mail.smtp import Security, Sent, SmtpClient

__all__ = ["Mail", "Security", "Sent", "SmtpClient", "address_of", "message_bytes"]
