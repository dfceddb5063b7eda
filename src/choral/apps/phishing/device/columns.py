"""Which columns of the two published data sets are features, and which are not. Data alone.

A column that would need a look-up (which sends the link off the device), or that leaks how the data were collected, is
never a feature. Of Hannousse and Yahiouche (2021) those remain that a device can count in the link itself or in the page
that this person's client received, with their definitions; of Prasad and Chandra (2024), PhiUSIIL, likewise: scores that
were computed from lists of legitimate links are left out.
"""

_HANNOUSSE_URL = """
    length_url length_hostname ip nb_dots nb_hyphens nb_at nb_qm nb_and nb_eq nb_underscore nb_tilde nb_percent nb_slash
    nb_colon nb_semicolumn nb_www nb_com nb_dslash http_in_path https_token ratio_digits_url ratio_digits_host punycode port
    tld_in_path tld_in_subdomain nb_subdomains prefix_suffix shortening_service longest_words_raw phish_hints
    suspecious_tld
"""
_HANNOUSSE_PAGE = """
    nb_hyperlinks ratio_intHyperlinks ratio_extHyperlinks ratio_nullHyperlinks nb_extCSS login_form external_favicon
    links_in_tags submit_email ratio_intMedia ratio_extMedia sfh iframe popup_window safe_anchor onmouseover right_clic
    empty_title domain_in_title domain_with_copyright
"""
_HANNOUSSE_LEAKING = """
    google_index page_rank web_traffic domain_age whois_registered_domain domain_registration_length dns_record
    statistical_report ratio_intRedirection ratio_extRedirection ratio_intErrors ratio_extErrors nb_redirection
    nb_external_redirection
"""
_PHIUSIIL = """
    URLLength DomainLength IsDomainIP TLDLength NoOfSubDomain HasObfuscation NoOfObfuscatedChar ObfuscationRatio
    NoOfLettersInURL LetterRatioInURL NoOfDegitsInURL DegitRatioInURL NoOfEqualsInURL NoOfQMarkInURL NoOfAmpersandInURL
    NoOfOtherSpecialCharsInURL SpacialCharRatioInURL IsHTTPS LineOfCode LargestLineLength HasTitle DomainTitleMatchScore
    URLTitleMatchScore HasFavicon Robots IsResponsive HasDescription NoOfPopup NoOfiFrame HasExternalFormSubmit HasSocialNet
    HasSubmitButton HasHiddenFields HasPasswordField Bank Pay Crypto HasCopyrightInfo NoOfImage NoOfCSS NoOfJS NoOfSelfRef
    NoOfEmptyRef NoOfExternalRef
"""
_PHIUSIIL_LEAKING = """
    URLSimilarityIndex CharContinuationRate TLDLegitimateProb URLCharProb NoOfURLRedirect NoOfSelfRedirect
"""
HANNOUSSE_URL = tuple(_HANNOUSSE_URL.split())
HANNOUSSE_PAGE = tuple(_HANNOUSSE_PAGE.split())
HANNOUSSE_LEAKING = frozenset(_HANNOUSSE_LEAKING.split())
PHIUSIIL = tuple(_PHIUSIIL.split())
PHIUSIIL_LEAKING = frozenset(_PHIUSIIL_LEAKING.split())
HANNOUSSE_TRANSPORT = frozenset({"https_token", "nb_www"})  # tell more of how links were collected than of the pages
PHIUSIIL_TRANSPORT = frozenset({"IsHTTPS"})
