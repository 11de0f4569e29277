"""This file is the carriers: one code for every spelling, and where a parcel is followed.

An unknown name keeps its own spelling as a code, so that two systems that say the same still meet.
"""

import re
from urllib.parse import quote

_NAMES = {
    "ups": ("UPS", ("ups", "unitedparcelservice", "upsmi", "upsmailinnovations", "upssurepost", "upsground", "upsdap")),
    "usps": ("USPS", ("usps", "unitedstatespostalservice", "uspostalservice")),
    "fedex": ("FedEx", ("fedex", "federalexpress", "fedexsmartpost", "fedexground", "fedexdefault")),
    "dhl_express": ("DHL Express", ("dhlexpress", "dhl", "dhlworldwideexpress")),
    "dhl_ecommerce": ("DHL eCommerce", ("dhlecommerce", "dhlecs", "dhlglobalmail", "dhlecommerceasia")),
    "canada_post": ("Canada Post", ("canadapost", "postescanada")),
    "australia_post": ("Australia Post", ("australiapost", "auspost")),
    "royal_mail": ("Royal Mail", ("royalmail",)),
    "bpost": ("bpost", ("bpost", "bpostinternational")),
    "purolator": ("Purolator", ("purolator",)),
    "ontrac": ("OnTrac", ("ontrac", "ontracv3")),
    "lasership": ("LaserShip", ("lasership", "lasershipv2")),
    "amazon": ("Amazon Shipping", ("amazonlogistics", "amazonshipping", "amazonmws", "amazonlogisticsus")),
    "postnl": ("PostNL", ("postnl",)),
    "dpd": ("DPD", ("dpd", "dpduk")),
    "gls": ("GLS", ("gls", "glsus")),
    "evri": ("Evri", ("evri", "hermes", "hermesuk")),
    # and of those that Shopify's schema lists (FulfillmentTrackingInfo.company), the larger ones
    "an_post": ("An Post", ("anpost",)),
    "aramex": ("Aramex", ("aramex", "aramexaustralia")),
    "asendia": ("Asendia", ("asendia", "asendiausa")),
    "austrian_post": ("Austrian Post", ("austrianpost", "österreichischepost")),
    "bluedart": ("Blue Dart", ("bluedart",)),
    "brt": ("BRT", ("brt", "brtbartolini", "bartolini")),
    "canpar": ("Canpar", ("canpar",)),
    "china_post": ("China Post", ("chinapost",)),
    "chronopost": ("Chronopost", ("chronopost",)),
    "colissimo": ("Colissimo", ("colissimo", "lapostecolissimo", "laposte")),
    "correios": ("Correios", ("correios", "correiosbr")),
    "correos": ("Correos", ("correos",)),
    "ctt": ("CTT", ("ctt", "cttexpress")),
    "delhivery": ("Delhivery", ("delhivery",)),
    "deutsche_post": ("Deutsche Post", ("deutschepost", "deutschepostde", "deutscheposten")),
    "dhl_parcel": ("DHL Parcel", ("dhlparcel", "dhlpaket")),
    "dtdc": ("DTDC", ("dtdc",)),
    "india_post": ("India Post", ("indiapost",)),
    "inpost": ("InPost", ("inpost",)),
    "intelcom": ("Intelcom", ("intelcom",)),
    "japan_post": ("Japan Post", ("japanpost", "japanposten", "japanpostja")),
    "mondial_relay": ("Mondial Relay", ("mondialrelay",)),
    "new_zealand_post": ("New Zealand Post", ("newzealandpost", "nzpost")),
    "packeta": ("Packeta", ("packeta", "zásilkovna", "zasilkovna")),
    "parcelforce": ("Parcelforce", ("parcelforce",)),
    "poste_italiane": ("Poste Italiane", ("posteitaliane",)),
    "postnord": ("PostNord", ("postnord", "portalpostnord", "postnorddk", "postnordno", "postnordse")),
    "sagawa": ("Sagawa", ("sagawa", "sagawaen", "sagawaja")),
    "sendle": ("Sendle", ("sendle",)),
    "seur": ("SEUR", ("seur",)),
    "sf_express": ("SF Express", ("sfexpress",)),
    "singapore_post": ("Singapore Post", ("singaporepost", "singpost")),
    "startrack": ("StarTrack", ("startrack",)),
    "swiss_post": ("Swiss Post", ("swisspost",)),
    "tnt": ("TNT", ("tnt", "tntaustralia")),
    "yamato": ("Yamato", ("yamato", "yamatoen", "yamatoja")),
    "yodel": ("Yodel", ("yodel",)),
    "yunexpress": ("YunExpress", ("yunexpress",)),
}
_CODES = {spelling: code for code, (_, spellings) in _NAMES.items() for spelling in spellings}
_LINKS = {
    "ups": "https://www.ups.com/track?tracknum={number}",
    "usps": "https://tools.usps.com/go/TrackConfirmAction?tLabels={number}",
    "fedex": "https://www.fedex.com/fedextrack/?trknbr={number}",
    "dhl_express": "https://www.dhl.com/en/express/tracking.html?AWB={number}",
    "canada_post": "https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor={number}",
    "australia_post": "https://auspost.com.au/mypost/track/#/details/{number}",
    "royal_mail": "https://www.royalmail.com/track-your-item#/tracking-results/{number}",
    "purolator": "https://www.purolator.com/en/shipping/tracker?pin={number}",
}

_LONGEST_CODE = 40
"""A name that nobody knows may be any text."""


def carrier_code(name: str | None) -> str:
    """Our code for a carrier as anybody spells it; `unknown` where nobody says."""
    spelling = re.sub(r"[\W_]", "", (name or "").lower())
    return _CODES.get(spelling, spelling[:_LONGEST_CODE]) or "unknown"


def carrier_name(code: str) -> str:
    """What people call the carrier."""
    return _NAMES[code][0] if code in _NAMES else code.replace("_", " ").title()


def is_known(code: str) -> bool:
    """Whether it is a carrier of some size, whose parcels shops follow by themselves."""
    return code in _NAMES


def tracking_link(code: str, number: str) -> str | None:
    """The carrier's own page for a parcel, where we know one."""
    template = _LINKS.get(code)
    return template.format(number=quote(number, safe="")) if template else None
