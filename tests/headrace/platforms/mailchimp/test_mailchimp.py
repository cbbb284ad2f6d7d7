"""Members and tags; the status of a member is never written."""

from headrace.platforms import mailchimp


def test_subscriber_hash__any_spelling__one_member() -> None:
    assert mailchimp.subscriber_hash(" Jo@Example.com ") == mailchimp.subscriber_hash("jo@example.com")
    assert mailchimp.subscriber_hash("urist.mcvankab@freddiesjokes.com") == "62eeb292278cc15f5817cb78f7790b08"


def test_upsert_member__new_or_known__speaks_of_new_ones_only() -> None:
    request = mailchimp.upsert_member("L", "jo@example.com", "transactional", {"FNAME": "Jo"})
    assert "status" not in request.json
    assert request.json["status_if_new"] == "transactional"
    assert request.route == "PUT /lists/{}/members/{}"


def test_set_tags__active_and_inactive__may_be_repeated() -> None:
    request = mailchimp.set_tags("L", "jo@example.com", ["VIP"], ["UK"])
    assert request.json["tags"] == [{"name": "VIP", "status": "active"}, {"name": "UK", "status": "inactive"}]
    assert request.may_repeat
