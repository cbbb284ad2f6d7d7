"""Values set by hand: each becomes an event in the log, and is kept when it comes back."""

import uuid
from typing import Annotated

from aiokafka.errors import KafkaError
from fastapi import APIRouter, Header

from headrace.contracts.events import ATTRIBUTE_SET
from services.attributes.api.access import ShopOfCustomer
from services.attributes.api.models import Accepted, Customer, Key, Name, NewValues
from services.attributes.api.problems import Refusal, answers, unavailable
from services.attributes.definitions import definition_of


def writing_routes() -> APIRouter:
    """PUT of one customer's values."""
    router = APIRouter(prefix="/v1")

    @router.put("/customers/{customer}/attributes/{name}", status_code=202, responses=answers(404, 411, 413, 422, 503))
    async def set_values(
        shop: ShopOfCustomer,
        customer: Customer,
        name: Name,
        body: NewValues,
        idempotency_key: Annotated[Key | None, Header()] = None,
    ) -> Accepted:
        """Set all values of one attribute by hand. With the same Idempotency-Key it is done once."""
        definition = definition_of(await shop.definitions(), name)
        if refused := definition.refused(body.values):
            allowed = list(definition.allowed or ())
            message = f"{name} may not have {len(refused)} of these values"
            raise Refusal(422, "value_not_allowed", message, hint="write one of the allowed values", allowed=allowed)
        event_id = f"{ATTRIBUTE_SET}:{idempotency_key or uuid.uuid4().hex}"
        try:
            await shop.set(customer, name, tuple(body.values), event_id=event_id)
        except (KafkaError, TimeoutError) as error:
            raise unavailable("Kafka") from error
        return Accepted(id=event_id)

    return router
