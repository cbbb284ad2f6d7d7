"""Composition: one world, its hooks and queue, every vendor's rules and the counts, from `Options`.

Still without sockets; `server` gives each vendor a port.
"""

from collections import Counter
from dataclasses import dataclass, field

from headrace.simulators import bigcommerce
from headrace.simulators.bigcommerce.writes import Writes
from headrace.simulators.call import Routes
from headrace.simulators.clock import StoreClock
from headrace.simulators.faults import Faults
from headrace.simulators.held import Hold
from headrace.simulators.hooks import Hooks
from headrace.simulators.klaviyo import Klaviyo
from headrace.simulators.mailchimp import Mailchimp
from headrace.simulators.mailchimp_events import MemberEvents
from headrace.simulators.omnisend import Omnisend
from headrace.simulators.options import Options
from headrace.simulators.quota import AtOnce, StoreQuota
from headrace.simulators.receiver import Receiver
from headrace.simulators.sendgrid import SendGrid
from headrace.simulators.smtp import MailServer
from headrace.simulators.vendor import Vendor
from headrace.simulators.webhooks import Policy, WebhookQueue
from headrace.simulators.world import World


@dataclass(slots=True)
class Calls:
    """Calls to all vendors; `status_429_ours` counts the refusals our own calls brought about."""

    total: int = 0
    by_route: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int] = field(default_factory=Counter)
    status_429_ours: int = 0


class Simulator:
    """All parts of the simulated vendors."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.clock = StoreClock(options.start_time, speed=options.speed)
        self.world = World(options.store, self.clock, read_lag_s=options.read_lag_s)
        self.hooks = Hooks(self.world.now, self.clock.elapsed, start_delay_s=options.hook_start_delay_s)
        policy = Policy(options.duplicates, options.reorders, options.max_delay_s)
        self.queue = WebhookQueue(options.store, self.clock, self.hooks, seed=options.seed, policy=policy)
        self.world.listener = self.queue.publish
        self.writes = Writes()
        self.calls = Calls()
        self.faults = Faults()
        self.hold = Hold()
        self.effects = self.world.effects
        login = (options.smtp_user, options.smtp_password) if options.smtp_user else None
        self.mail = MailServer(self.clock, self.effects, self.faults, self.hold, login)
        secrets = {"": options.receiver_secret} if options.receiver_secret else {}
        self.receiver = Receiver(self.clock, self.effects, secrets)
        self.quota = StoreQuota(
            quota=options.quota, window_s=options.window_ms / 1000, other_app_share=options.other_app_share
        )
        self.vendors: dict[str, Vendor] = {vendor.name: vendor for vendor in _vendors(self.world, self.clock, options)}
        connections = {name: vendor.connections for name, vendor in self.vendors.items()}
        limits = {name: limit for name, limit in connections.items() if limit is not None}
        self.at_once = AtOnce({**bigcommerce.AT_ONCE, **limits})

    def bigcommerce_routes(self, base: str) -> Routes:
        """The handlers; `base` is the store's address."""
        return bigcommerce.routes(self.world, self.hooks, self.queue, self.writes, base=base)


def _vendors(world: World, clock: StoreClock, options: Options) -> tuple[Vendor, ...]:
    """The e-mail platforms; a new one is a line here, its port and key in `Options`."""
    return (
        Mailchimp(world.audience, options.list_id, options.mailchimp_key, MemberEvents(world.now, world.effects)),
        Klaviyo(world.klaviyo, clock, options.klaviyo_key, options.klaviyo_delay_s),
        Omnisend(clock, options.omnisend_key, effects=world.effects),
        SendGrid(
            clock,
            options.sendgrid_key,
            effects=world.effects,
            suppressed=world.suppressed,
            templates=world.mail_templates,
        ),
    )
