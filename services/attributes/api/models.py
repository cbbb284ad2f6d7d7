"""What goes in and out of the API: pydantic models, and so the OpenAPI document."""

from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.attributes.definitions import Definition, Mirror
from services.attributes.layout import Reason

PAGE: Final = 200
ROWS: Final = 1000
"""Rows of a bulk request."""
MAX_VALUES: Final = 100
MAX_ALLOWED: Final = 1000
MAX_NAME: Final = 100
MAX_VALUE: Final = 255
MAX_CUSTOMER: Final = 200
NO_NUL: Final = "^[^\\x00]*$"
"""PostgreSQL cannot keep one."""


def _different(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


Customer = Annotated[str, Path(description='"store:number", "store:guest-..."', examples=["s3x:1042"])]
Name = Annotated[str, Path(max_length=MAX_NAME, pattern=NO_NUL, description="Name of an attribute.")]
Defined = Annotated[
    str,
    Path(max_length=MAX_NAME, pattern="^[^\\x00-\\x1f;=]*$", description="Name of an attribute, without `;` and `=`."),
]
Limit = Annotated[int, Query(ge=1, le=PAGE, description="Rows on a page.")]
Value = Annotated[str, Field(min_length=1, max_length=MAX_VALUE, pattern=NO_NUL)]
Values = Annotated[list[Value], Field(max_length=MAX_VALUES), AfterValidator(_different)]
Nowhere = Literal["guest", "no_credentials"]
"""Why nothing of a customer is in the store: the store knows no guests, or we may not write to it."""
Key = Annotated[str, Field(min_length=1, max_length=100, pattern="^[!-~]+$")]
"""An Idempotency-Key: visible ASCII."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewValues(_Body):
    """The whole list of an attribute's values set by hand; an empty one takes them away."""

    values: Values


class BulkRow(NewValues):
    """One customer's values of one attribute."""

    customer: Annotated[str, Field(min_length=1, max_length=MAX_CUSTOMER, pattern=NO_NUL)]
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=NO_NUL)]


class Bulk(_Body):
    """Many customers' values."""

    rows: list[BulkRow] = Field(min_length=1, max_length=ROWS)


class NewDefinition(_Body):
    """What an attribute may hold, and where in the store it is mirrored."""

    allowed: Annotated[list[Value], Field(max_length=MAX_ALLOWED), AfterValidator(_different)] | None = Field(
        default=None, description="The values it may have; null: any."
    )
    mirror: Mirror = Field(
        default="together",
        description="Where the store shows it: with all others, alone, in a metafield, nowhere.",
    )

    def named(self, name: str) -> Definition:
        """As the rest of the service knows it."""
        return Definition(name, None if self.allowed is None else tuple(self.allowed), self.mirror)


class HeldValue(BaseModel):
    """A value that a customer has."""

    value: str
    source: str = Field(description="What claims it: `rule:<id>`, `segment:<id>`, `ladder:<id>`, `set` (by hand).")
    since: str = Field(description="When it was first named, RFC 3339.")
    version: tuple[int, int, int]
    mirrored: str | None = Field(description="`attribute:<name>` or `metafield:<key>` of the store; null: only here.")
    reason: Reason | Nowhere | None = Field(description="Why it is not where it was asked for; null: it is.")


class CustomerAttributes(BaseModel):
    """All that is kept of a customer."""

    customer: str
    attributes: dict[str, list[HeldValue]]


class Customers(BaseModel):
    """A page of customers."""

    customers: list[str]
    next: str | None = Field(description="`after` of the next page; null: this is the last.")


class AttributeSummary(BaseModel):
    """An attribute that is defined, or that customers have."""

    name: str
    defined: bool
    allowed: list[str] | None
    mirror: Mirror
    problem: str | None = Field(description="Why it is not mirrored as defined; null: it is.")
    customers: int
    values: int = Field(description="Different values among them.")


class Attributes(BaseModel):
    """A page of attributes."""

    attributes: list[AttributeSummary]
    next: str | None = Field(description="`after` of the next page; null: this is the last.")


class ValueCount(BaseModel):
    """How many customers have a value."""

    value: str
    customers: int
    allowed: bool


class AttributeDetail(BaseModel):
    """An attribute with a page of its values."""

    name: str
    defined: bool
    allowed: list[str] | None
    mirror: Mirror
    problem: str | None = Field(description="Why it is not mirrored as defined; null: it is.")
    customers: int
    values: list[ValueCount]
    next: str | None = Field(description="`after` of the next page of values; null: this is the last.")


class Accepted(BaseModel):
    """The event that was written; what it leads to is seen when it comes back."""

    id: str


class RowError(BaseModel):
    """Why a row was refused."""

    code: Literal["unknown_customer", "value_not_allowed", "set_twice", "unavailable"]
    message: str
    allowed: list[str] | None = None


class RowReport(BaseModel):
    """What became of a row: the id of its event, or the error."""

    row: int
    id: str | None = None
    error: RowError | None = None


class BulkReport(BaseModel):
    """What became of all rows."""

    accepted: int
    refused: int
    rows: list[RowReport]


def dumped(report: BulkReport) -> dict[str, Any]:
    """For a problem that has a report as well."""
    return report.model_dump(exclude_none=True)
