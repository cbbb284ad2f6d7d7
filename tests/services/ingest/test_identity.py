"""Keys of customers and guests."""

from hashlib import blake2b

from services.ingest.identity import customer_key, guest_key


def test_customer_key__store_and_id() -> None:
    assert customer_key("s", 7) == "s:7"


def test_guest_key__any_spelling_of_an_address__one_guest_per_store_and_key() -> None:
    expected = blake2b(b"jo@example.com", key=b"hk", digest_size=16).hexdigest()
    assert guest_key("s", " Jo@Example.COM ", b"hk") == f"s:guest-{expected}"
    assert guest_key("s", "jo@example.com", b"other") != guest_key("s", "jo@example.com", b"hk")
    assert len(guest_key("s", "x@y.example", b"k" * 100)) == len("s:guest-") + 32
