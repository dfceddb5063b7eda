"""Features in plain words: what a number about a link or a page says to a person. Data alone."""

from collections.abc import Mapping

SENTENCES: Mapping[str, tuple[str, str]] = {  # said of a feature above 0, and at 0
    "length_url": ("the link is {value:,.0f} characters long", "the link is empty"),
    "length_hostname": ("the host's name is {value:,.0f} characters long", "there is no host's name"),
    "ip": ("the link has an address of numbers, or a long hexadecimal number", "the host has a name, no bare number"),
    "nb_dots": ("the link has {value:,.0f} dot(s)", "the link has no dots"),
    "nb_hyphens": ("the link has {value:,.0f} hyphen(s)", "the link has no hyphens"),
    "nb_at": ("an @ in the link can hide its real host", "there is no @ in the link"),
    "nb_qm": ("the link carries a query", "the link carries no query"),
    "nb_and": ("the link carries {value:,.0f} more parameter(s)", "the link carries no further parameters"),
    "nb_eq": ("the link carries {value:,.0f} value(s)", "the link carries no values"),
    "nb_underscore": ("the link has {value:,.0f} underscore(s)", "the link has no underscores"),
    "nb_tilde": ("the page lies in some user's folder (~)", "the link has no ~"),
    "nb_percent": ("the link has {value:,.0f} escaped character(s)", "nothing in the link is escaped"),
    "nb_slash": ("the link has {value:,.0f} slashes", "the link has no slashes"),
    "nb_colon": ("the link has {value:,.0f} colon(s)", "the link has no colons"),
    "nb_semicolumn": ("the link has {value:,.0f} semicolon(s)", "the link has no semicolons"),
    "nb_www": ("www stands in the link", "www does not stand in the link"),
    "nb_com": ("“com” stands where no suffix is", "“com” stands only where a suffix is"),
    "nb_dslash": ("a second // leads on to elsewhere", "there is no second //"),
    "http_in_path": ("another address stands in the path", "no other address stands in the path"),
    "https_token": ("the link is not encrypted (no https)", "the link is encrypted (https)"),
    "ratio_digits_url": ("{percent} of the link are digits", "the link has no digits"),
    "ratio_digits_host": ("{percent} of the host's name are digits", "the host's name has no digits"),
    "punycode": ("the host's name has letters of other scripts (xn--)", "the host's name has plain letters"),
    "port": ("the link names a port", "the link names no port"),
    "tld_in_path": ("the suffix comes again in the path", "the suffix does not come again in the path"),
    "tld_in_subdomain": ("the suffix stands before the real domain, too", "the suffix stands at the end alone"),
    "nb_subdomains": ("the link has {value:,.0f} level(s) of names, where 3 are counted at most", "the link has no names"),
    "prefix_suffix": ("words in the host are joined by a hyphen", "no hyphen joins words in the host"),
    "shortening_service": ("it looks like a shortened link, which hides where it leads", "it is no shortened link"),
    "longest_words_raw": ("the longest word in the link has {value:,.0f} letters", "there are no words in the link"),
    "phish_hints": (
        "{value:,.0f} word(s) such as login, admin or signin stand in the link",
        "no word such as login stands there",
    ),
    "suspecious_tld": ("the suffix is one that phishing often uses", "the suffix is not one that phishing often uses"),
    "nb_hyperlinks": ("the page has {value:,.0f} reference(s)", "the page refers to nothing"),
    "ratio_intHyperlinks": (
        "{percent} of the page's references stay on its site",
        "none of the page's references stays on its site",
    ),
    "ratio_extHyperlinks": ("{percent} of the page's references lead to other sites", "no reference leads to another site"),
    "ratio_nullHyperlinks": ("{percent} of the references lead nowhere", "every reference leads somewhere"),
    "nb_extCSS": ("the page borrows {value:,.0f} style sheet(s) from another site", "the page borrows no style sheet"),
    "login_form": ("a form sends what you type to another site", "no form sends what you type to another site"),
    "external_favicon": ("the page borrows its icon from another site", "the page has its own icon"),
    "links_in_tags": ("{value:,.0f} % of scripts and styles are the site's own", "no script or style is the site's own"),
    "submit_email": ("a form sends what you type by mail", "no form sends what you type by mail"),
    "ratio_intMedia": ("{value:,.0f} % of pictures are the site's own", "no picture is the site's own"),
    "ratio_extMedia": ("{value:,.0f} % of pictures come from other sites", "no picture comes from another site"),
    "sfh": ("a form sends what you type nowhere", "every form sends what you type somewhere"),
    "iframe": ("an invisible frame lies in the page", "no invisible frame lies in the page"),
    "popup_window": ("the page asks in a window of its own", "the page asks in no window of its own"),
    "safe_anchor": ("{value:,.0f} % of the links that could lead away lead nowhere", "no link leads nowhere"),
    "onmouseover": ("the page hides where its links lead", "the page does not hide where its links lead"),
    "right_clic": ("the page forbids the right mouse button", "the page allows the right mouse button"),
    "empty_title": ("the page has no title", "the page has a title"),
    "domain_in_title": ("the title does not name the site", "the title names the site"),
    "domain_with_copyright": ("the copyright names someone else", "no copyright of someone else stands there"),
    "parameters": ("the link carries {value:,.0f} parameter(s)", "the link carries no parameters"),
    "path_depth": ("the page lies {value:,.0f} folder(s) deep", "the page lies at the top"),
    "user_in_link": ("a user's name stands before the real host", "no user's name stands before the host"),
    "beyond_ascii": ("the host's name has {value:,.0f} unusual letter(s)", "the host's name has usual letters"),
    "brand_distance": ("the host's name is {value:,.0f} letter(s) from that of {brand}", "the host's name looks like {brand}"),
    "brand_named": (
        "the host's name has a brand in it that it does not belong to",
        "no foreign brand stands in the host",
    ),
    "mixed_scripts": ("the host's name mixes scripts", "the host's name is in one script"),
    "password_boxes": ("the page asks for a password", "the page asks for no password"),
    "forms": ("the page has {value:,.0f} form(s)", "the page has no form"),
    "forms_elsewhere": ("a form sends what you type to another site", "no form sends what you type to another site"),
    "forms_by_mail": ("a form sends what you type by mail", "no form sends what you type by mail"),
    "forms_nowhere": ("a form does not say where it sends what you type", "every form says where it sends what you type"),
    "forms_unencrypted": ("a form sends what you type unencrypted", "no form sends what you type unencrypted"),
    "iframes": ("the page shows {value:,.0f} other page(s) in frames", "the page shows no other page in a frame"),
    "paragraphs": ("the page has {value:,.0f} paragraph(s)", "the page has no paragraphs"),
    "hyperlinks": ("the page has {value:,.0f} link(s)", "the page has no links"),
    "hyperlinks_out": ("{percent} of its links lead to other sites", "none of its links leads to another site"),
    "hidden_inputs": ("the page has {value:,.0f} hidden field(s)", "the page has no hidden field"),
    "words_on_page": ("the page has {value:,.0f} word(s)", "the page has no words"),
    "at_night": ("it came at night", "it came by day"),
    "at_weekend": ("it came at the weekend", "it came on a working day"),
    "foreign_suffix": ("the suffix is of another country than yours", "the suffix is not of another country"),
    "foreign_language": ("the page is in another language than yours", "the page is in your language"),
}
FAR = 3  # of brand_distance: like none


def said(name: str, value: float, brand: str = "") -> str:
    """The feature's value in words.

    >>> said("nb_dots", 4), said("https_token", 0), said("brand_distance", 1, "paypal")
    ('the link has 4 dots', 'the link is encrypted (https)', "the host's name is 1 letter from that of paypal")
    """
    if name == "brand_distance" and value >= FAR:
        return "the host's name looks like no protected brand"
    above, at_zero = SENTENCES[name]
    words = (above if value > 0 else at_zero).format(value=value, percent=f"{100 * value:.0f} %", brand=brand or "a brand")
    return words.replace("(s)", "" if value == 1 else "s")
