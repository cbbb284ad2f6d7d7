"""What an earlier process of this worker left in the consumer group: a member that nobody answers for, sent away.

Who we are in the group ourselves is `membership.py`'s; an earlier transaction is ended by `transaction.py`'s `start`.
"""

import asyncio
from typing import Final

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.group import LeaveGroupRequest

from headrace.runtime.kafka import connection
from headrace.runtime.logs import log
from headrace.runtime.settings import KafkaSettings

_WITHIN_S: Final = 5.0
_AGAIN_S: Final = 0.1


async def dismiss_predecessors(settings: KafkaSettings, *, group: str, client_id: str) -> None:
    """Removes the group's members that have our client id; to be called before we join. Raises nothing.

    A worker that was killed and comes back would else wait for its own dead member's session, with everybody else.
    Whom this removes by mistake, a process under the same id that lives on, is fenced by the transactional id anyway.
    What cannot be removed is missed when its session ends.
    """
    client = AIOKafkaClient(**connection(settings), request_timeout_ms=int(_WITHIN_S * 1000))
    try:
        async with asyncio.timeout(_WITHIN_S):
            await client.bootstrap()
            while True:
                try:
                    return await _dismiss(client, group, client_id)
                except KafkaError as error:
                    if not error.retriable:
                        raise
                await asyncio.sleep(_AGAIN_S)  # the group is being loaded: the broker has just started
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("kafka.unavailable", call="dismiss", error=repr(error))
    finally:
        await client.close()


async def _dismiss(client: AIOKafkaClient, group: str, client_id: str) -> None:
    node = await client.coordinator_lookup(CoordinationType.GROUP, group)
    await client.ready(node, group=ConnectionGroup.COORDINATION)
    described = await client.send(node, DescribeGroupsRequest([group]), group=ConnectionGroup.COORDINATION)
    code, _, _, _, _, members = described.groups[0][:6]
    if code:
        raise for_code(code)(group)
    for member_id, its_client_id, *_ in members:
        if its_client_id != client_id:
            continue
        left = await client.send(node, LeaveGroupRequest(group, member_id), group=ConnectionGroup.COORDINATION)
        if not left.error_code:
            log.info("member.dismissed", member=member_id)
