"""Webhooks v3: subscriptions and the health of deliveries.

Deliveries themselves are the queue's.
"""

from headrace.simulators.bigcommerce import shapes
from headrace.simulators.call import Answer, Call, Routes, data, page, v3_error
from headrace.simulators.hooks import Hooks
from headrace.simulators.people import Refused
from headrace.simulators.rows import Hook
from headrace.simulators.webhooks import Blocked, WebhookQueue
from headrace.simulators.world import World


def routes(world: World, hooks: Hooks, queue: WebhookQueue) -> Routes:
    """The handlers of these resources."""
    api = _Hooks(world, hooks, queue)
    return {
        ("GET", "/v3/hooks"): api.many,
        ("POST", "/v3/hooks"): api.create,
        ("GET", "/v3/hooks/admin"): api.admin,
        ("PUT", "/v3/hooks/admin"): api.set_emails,
        ("GET", "/v3/hooks/{id}"): api.one,
        ("PUT", "/v3/hooks/{id}"): api.update,
        ("DELETE", "/v3/hooks/{id}"): api.delete,
    }


class _Hooks:
    def __init__(self, world: World, hooks: Hooks, queue: WebhookQueue) -> None:
        self._store = world.store
        self._hooks = hooks
        self._queue = queue

    def many(self, call: Call) -> Answer:
        active, scope = call.query.get("is_active"), call.query.get("scope")
        destination = call.query.get("destination")
        rows = [
            hook
            for hook in self._hooks.rows.values()
            if (active is None or hook.is_active == (active.lower() == "true"))
            and scope in {None, hook.scope}
            and destination in {None, hook.destination}
        ]
        return page(call, rows, self._render)

    def create(self, call: Call) -> Answer:
        fields = call.json()
        try:
            return data(self._render(self._hooks.create(fields)))
        except (Refused, AttributeError) as refusal:
            return v3_error(422, str(refusal))

    def one(self, call: Call) -> Answer:
        hook = self._hooks.rows.get(call.ids[0])
        return _missing() if hook is None else data(self._render(hook))

    def update(self, call: Call) -> Answer:
        try:
            hook = self._hooks.update(call.ids[0], call.json())
        except Refused as refusal:
            return v3_error(422, str(refusal))
        return _missing() if hook is None else data(self._render(hook))

    def delete(self, call: Call) -> Answer:
        hook = self._hooks.delete(call.ids[0])
        return _missing() if hook is None else data(self._render(hook))

    def admin(self, call: Call) -> Answer:
        active = call.query.get("is_active")
        rows = [
            {**self._render(hook), "status": "active" if hook.is_active else "deactivated"}
            for hook in self._hooks.rows.values()
            if active is None or hook.is_active == (active.lower() == "true")
        ]
        blocked = [
            {"destination": domain, "time_left": int(each.left_s), "reasons": [_reason(each)]}
            for domain, each in self._queue.blocked().items()
        ]
        return data({"emails": list(self._hooks.emails), "hooks_list": rows, "blocked_domains": blocked})

    def set_emails(self, call: Call) -> Answer:
        fields = call.json()
        emails = fields.get("emails") if isinstance(fields, dict) else None
        if not isinstance(emails, list) or not all(isinstance(each, str) and "@" in each for each in emails):
            return v3_error(422, "JSON data is missing or invalid", {"emails": "emails is not valid"})
        self._hooks.emails = tuple(emails)
        return Answer(204)

    def _render(self, hook: Hook) -> dict[str, object]:
        return shapes.hook(hook, self._store)


def _reason(blocked: Blocked) -> dict[str, object]:
    told = "The destination did not answer with 2xx"
    return {"failure_description": told, "count": blocked.failures, "timestamp": int(blocked.since.timestamp())}


def _missing() -> Answer:
    return v3_error(404, "The requested hook was not found.")
