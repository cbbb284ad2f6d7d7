"""E-mail domains at which anybody can have an address: they say nothing of who a customer works for.

The largest providers only; a list of all would be long, and wrong next month.
"""

from typing import Final

# fmt: off
PUBLIC_DOMAINS: Final = frozenset({
    "126.com", "163.com", "aim.com", "alice.it", "aol.com", "att.net", "bellsouth.net", "bigpond.com",
    "bluewin.ch", "bt.com", "btinternet.com", "charter.net", "comcast.net", "cox.net", "daum.net",
    "earthlink.net", "email.com", "fastmail.com", "foxmail.com", "free.fr", "freenet.de", "gmail.com",
    "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hanmail.net", "hey.com",
    "hotmail.be", "hotmail.ca", "hotmail.co.uk", "hotmail.com", "hotmail.de", "hotmail.es", "hotmail.fr",
    "hotmail.it", "icloud.com", "inbox.com", "inbox.ru", "laposte.net", "libero.it", "list.ru", "live.ca",
    "live.co.uk", "live.com", "live.com.au", "live.de", "live.fr", "live.it", "live.nl", "mac.com",
    "mail.com", "mail.ru", "me.com", "msn.com", "naver.com", "ntlworld.com", "o2.pl", "optonline.net",
    "orange.fr", "outlook.com", "outlook.de", "outlook.es", "outlook.fr", "outlook.it", "planet.nl",
    "proton.me", "protonmail.com", "pm.me", "qq.com", "rambler.ru", "rediffmail.com", "rocketmail.com",
    "rogers.com", "sbcglobal.net", "seznam.cz", "sfr.fr", "shaw.ca", "sina.com", "skynet.be", "sky.com",
    "sympatico.ca", "t-online.de", "talktalk.net", "telenet.be", "telus.net", "tiscali.it", "tuta.com",
    "tutanota.com", "uol.com.br", "verizon.net", "virgilio.it", "virginmedia.com", "wanadoo.fr", "web.de",
    "wp.pl", "xtra.co.nz", "ya.ru", "yahoo.ca", "yahoo.co.in", "yahoo.co.jp", "yahoo.co.uk", "yahoo.com",
    "yahoo.com.au", "yahoo.com.br", "yahoo.de", "yahoo.es", "yahoo.fr", "yahoo.it", "yandex.com", "yandex.ru",
    "yeah.net", "ymail.com", "zoho.com", "zonnet.nl",
})
# fmt: on
