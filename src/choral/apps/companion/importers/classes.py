"""From sites and apps to classes: "video", not which video; by public tables, on this machine alone. Device half."""

from collections.abc import Mapping
from urllib.parse import urlsplit

OTHER_SITE, OTHER_APP = "other site", "other app"

_SITES: Mapping[str, str] = {
    "video": "youtube youtu.be netflix vimeo twitch dailymotion hulu disneyplus primevideo nicovideo bilibili",
    "music": "spotify soundcloud deezer bandcamp tidal last.fm music.apple",
    "social": "facebook instagram twitter x.com tiktok reddit linkedin snapchat pinterest tumblr mastodon bsky weibo vk",
    "messages": "whatsapp telegram messenger discord slack signal line.me teams.microsoft zoom meet.google",
    "mail": "mail.google gmail outlook mail.yahoo proton fastmail",
    "news": "bbc cnn nytimes theguardian reuters apnews spiegel lemonde elpais nhk washingtonpost bloomberg news.google",
    "shopping": "amazon ebay etsy aliexpress walmart rakuten zalando ikea argos mercari target bestbuy",
    "learning": "wikipedia wiktionary coursera edx khanacademy duolingo udemy stackoverflow stackexchange scholar.google arxiv",
    "work": "github gitlab docs.google drive.google office sharepoint notion atlassian trello figma asana dropbox overleaf",
    "games": "steampowered steamcommunity roblox chess lichess itch.io epicgames",
    "travel": "booking airbnb tripadvisor expedia skyscanner maps.google openstreetmap uber",
    "health": "nhs.uk webmd mayoclinic strava fitbit myfitnesspal headspace",
    "money": "paypal wise revolut monzo coinbase",
    "weather": "weather metoffice accuweather yr.no",
    "search": "google bing duckduckgo baidu yahoo ecosia yandex",
}
_APPS: Mapping[str, str] = {
    "video": "youtube netflix vlc mpv totem twitch hulu disney primevideo kodi celluloid",
    "music": "spotify music rhythmbox audacious podcast soundcloud tidal deezer",
    "social": "facebook instagram twitter tiktok reddit snapchat linkedin katana mastodon pinterest bluesky",
    "messages": "whatsapp telegram signal messenger discord slack line teams zoom skype mms messaging viber wechat",
    "mail": "mail gmail outlook thunderbird evolution geary",
    "browser": "chrome chromium firefox safari edge brave opera vivaldi",
    "work": "code pycharm intellij jetbrains vim emacs terminal konsole word excel libreoffice soffice docs sheets notion",
    "games": "game steam minecraft roblox chess candycrush lutris",
    "reading": "kindle books calibre okular evince reader pocket",
    "photos": "camera photos gallery gimp darktable snapseed",
    "travel": "maps uber booking airbnb citymapper",
    "health": "strava fitbit health fitness headspace calm sleep",
    "money": "bank paypal wallet monzo revolut",
    "calls": "dialer phone facetime",
}


def site_class(url: str) -> str:
    """The class of the site that an address is on; the address itself is let go.

    >>> site_class("https://www.youtube.com/watch?v=secret"), site_class("https://a.example.ac.uk/"), site_class("nonsense")
    ('video', 'learning', 'other site')
    """
    try:
        host = (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return OTHER_SITE
    for name, marks in _SITE_MARKS:
        if _is_on(host, marks):
            return name
    if host.endswith((".edu", ".ac.uk", ".ac.jp")):
        return "learning"
    return "public services" if ".gov." in f".{host}." or host.endswith(".go.jp") else OTHER_SITE


def app_class(name: str) -> str:
    """The class of an app or program, by its name or package.

    >>> app_class("com.google.android.youtube"), app_class("Navigator firefox"), app_class("")
    ('video', 'browser', 'other app')
    """
    parts = frozenset(name.lower().replace(".", " ").replace("-", " ").replace("_", " ").split())
    whole = name.lower()
    for kind, marks in _APP_MARKS:
        if any(mark in parts or (len(mark) > 4 and mark in whole) for mark in marks):
            return kind
    return OTHER_APP


def _is_on(host: str, marks: tuple[str, ...]) -> bool:
    """Whether a mark stands in the host as whole labels."""
    labels = host.split(".")
    return any(
        mark in (host, labels[0], *labels[-3:-1]) or host.startswith(f"{mark}.") or f".{mark}." in host for mark in marks
    )


_SITE_MARKS = tuple((name, tuple(marks.split())) for name, marks in _SITES.items())
_APP_MARKS = tuple((name, tuple(marks.split())) for name, marks in _APPS.items())
