"""The one string of the mirror."""

from services.attributes.encoding import encode_values, fits


def test_encode_values__sorted_tokens_between_semicolons() -> None:
    values = {"interests": ["pear", "apple"], "country": ["United Kingdom"]}
    assert encode_values(values) == ";country=United Kingdom;interests=apple;interests=pear;"
    assert encode_values({}) == encode_values({"country": []}) == ""
    assert encode_values({"a": ["b;c"]}) == ";a=b%3Bc;"


def test_fits__counts_characters() -> None:
    assert fits("é" * 255)
    assert not fits("x" * 256)
