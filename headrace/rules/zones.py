"""The time zone of a customer, by the country and state of an address: for quiet hours by the customer's clock.

Countries with one zone are the tz database's; of those with several, the states' own zones stand here, each where most
of its people live. What is not known for sure has none: then the store's zone counts.
"""

from functools import cache
from importlib.resources import files
from typing import Final

_ONE_FOR_MOST: Final = {
    "AR": "America/Argentina/Buenos_Aires",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "KZ": "Asia/Almaty",
    "MN": "Asia/Ulaanbaatar",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PS": "Asia/Gaza",
    "PT": "Europe/Lisbon",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
"""Several zones in the tz database, and one clock for all but islands and border regions."""
_EASTERN, _CENTRAL, _MOUNTAIN, _PACIFIC = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
)
_STATES: Final[dict[str, dict[str, str]]] = {
    "US": {
        **dict.fromkeys(
            (
                *("connecticut", "delaware", "district of columbia", "florida", "georgia", "maine", "maryland"),
                *("massachusetts", "michigan", "new hampshire", "new jersey", "new york", "north carolina", "ohio"),
                *("pennsylvania", "rhode island", "south carolina", "vermont", "virginia", "west virginia"),
                *("indiana", "kentucky"),
            ),
            _EASTERN,
        ),
        **dict.fromkeys(
            (
                *("alabama", "arkansas", "illinois", "iowa", "kansas", "louisiana", "minnesota", "mississippi"),
                *("missouri", "nebraska", "north dakota", "oklahoma", "south dakota", "tennessee", "texas"),
                "wisconsin",
            ),
            _CENTRAL,
        ),
        **dict.fromkeys(("colorado", "montana", "new mexico", "utah", "wyoming", "idaho"), _MOUNTAIN),
        **dict.fromkeys(("california", "nevada", "oregon", "washington"), _PACIFIC),
        "arizona": "America/Phoenix",
        "alaska": "America/Anchorage",
        "hawaii": "Pacific/Honolulu",
        "puerto rico": "America/Puerto_Rico",
        "guam": "Pacific/Guam",
    },
    "CA": {
        **dict.fromkeys(("ontario", "quebec"), "America/Toronto"),
        "british columbia": "America/Vancouver",
        "alberta": "America/Edmonton",
        "saskatchewan": "America/Regina",
        "manitoba": "America/Winnipeg",
        **dict.fromkeys(("nova scotia", "prince edward island", "new brunswick"), "America/Halifax"),
        "newfoundland and labrador": "America/St_Johns",
        "yukon": "America/Whitehorse",
        "northwest territories": "America/Yellowknife",
    },
    "AU": {
        **dict.fromkeys(("new south wales", "australian capital territory"), "Australia/Sydney"),
        "victoria": "Australia/Melbourne",
        "queensland": "Australia/Brisbane",
        "south australia": "Australia/Adelaide",
        "western australia": "Australia/Perth",
        "tasmania": "Australia/Hobart",
        "northern territory": "Australia/Darwin",
    },
    "BR": {
        **dict.fromkeys(
            (
                *("distrito federal", "espirito santo", "goias", "minas gerais", "parana", "rio de janeiro"),
                *("rio grande do sul", "santa catarina", "sao paulo", "bahia", "sergipe", "alagoas", "amapa", "ceara"),
                *("maranhao", "para", "paraiba", "pernambuco", "piaui", "rio grande do norte", "tocantins"),
            ),
            "America/Sao_Paulo",
        ),
        **dict.fromkeys(("amazonas", "rondonia", "roraima"), "America/Manaus"),
        **dict.fromkeys(("mato grosso", "mato grosso do sul"), "America/Cuiaba"),
        "acre": "America/Rio_Branco",
    },
    "MX": {
        "baja california": "America/Tijuana",
        **dict.fromkeys(("baja california sur", "sinaloa", "nayarit"), "America/Mazatlan"),
        "sonora": "America/Hermosillo",
        "quintana roo": "America/Cancun",
        **dict.fromkeys(
            (
                *("ciudad de mexico", "mexico", "jalisco", "nuevo leon", "puebla", "guanajuato", "yucatan"),
                *("queretaro", "oaxaca", "chiapas", "guerrero", "hidalgo", "morelos", "tabasco"),
                *("tamaulipas", "durango", "zacatecas", "aguascalientes", "colima", "tlaxcala", "campeche"),
                *("san luis potosi", "chihuahua", "coahuila de zaragoza", "michoacan de ocampo"),
                "veracruz de ignacio de la llave",
            ),
            "America/Mexico_City",
        ),
    },
}


@cache
def _of_countries() -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for line in (files("tzdata.zoneinfo") / "zone.tab").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            found.setdefault(country, []).append(zone)
    return {country: zones[0] for country, zones in found.items() if len(zones) == 1} | _ONE_FOR_MOST


def zone_of(country: str, state: str = "") -> str | None:
    """The IANA zone of a country (ISO code of two letters) and a state (its folded full name); None: not known."""
    return _STATES[country].get(state) if country in _STATES else _of_countries().get(country)
