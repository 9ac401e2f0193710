from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion_graph.errors import ConfigError
from fusion_graph.tools.domains import DomainEntry, DomainRules

LABEL = st.from_regex(r"\A[a-z][a-z0-9]{0,8}\Z")
HOST = st.lists(LABEL, min_size=2, max_size=4).map(".".join)
PATH = st.lists(st.from_regex(r"\A[a-z0-9_-]{1,8}\Z"), max_size=4)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://EXAMPLE.com/any/page?x=1#top",
        "http://www.example.com:8080/",
        "https://deep.sub.example.com./page",
        "https://user:pass@example.com/",
    ],
)
def test_a_host_entry_covers_the_host_and_its_subdomains_on_any_port(url):
    assert not DomainRules.of(blocked=["Example.com"]).permits(url)


@pytest.mark.parametrize(
    "url", ["https://notexample.com", "https://example.com.evil.org", "https://example.org/example.com"]
)
def test_a_host_entry_does_not_cover_look_alikes(url):
    assert DomainRules.of(blocked=["example.com"]).permits(url)


@pytest.mark.parametrize(
    ("url", "covered"),
    [
        ("https://example.com/blog", True),
        ("https://example.com/blog/", True),
        ("https://sub.example.com/Blog/post", True),
        ("https://example.com/%62log/post", True),
        ("https://example.com/%2562log/post", True),
        ("https://example.com//blog/post", True),
        ("https://example.com/x/../blog", True),
        ("https://example.com/./blog", True),
        ("https://example.com/blogger", False),
        ("https://example.com/other/blog", False),
        ("https://example.com/?p=/blog", False),
    ],
)
def test_a_path_entry_covers_whole_segments_only(url, covered):
    assert DomainRules.of(blocked=["example.com/blog"]).permits(url) is not covered


@pytest.mark.parametrize(
    "entry",
    [
        "bücher.example",
        "BÜCHER.example",
        "xn--bcher-kva.example",
        "bücher。example",
        "https://bücher.example/",
    ],
)
def test_international_names_are_compared_in_one_spelling(entry):
    rules = DomainRules.of(blocked=[entry])
    assert not rules.permits("https://xn--bcher-kva.example/a")
    assert not rules.permits("https://www.Bücher.example/a")


@pytest.mark.parametrize(
    "entry", ["*.example.com", ".example.com", "https://example.com", "example.com:443", "example.com."]
)
def test_common_spellings_of_an_entry_mean_the_same(entry):
    assert DomainEntry.parse(entry) == DomainEntry("example.com")


def test_an_allow_list_lets_nothing_else_through_and_blocking_wins():
    rules = DomainRules.of(allowed=["example.com"], blocked=["example.com/private"])
    assert rules.permits("https://example.com/open")
    assert "blocked" in (rules.refusal("https://example.com/private/x") or "")
    assert "allowed" in (rules.refusal("https://other.org/") or "")


@pytest.mark.parametrize(
    "url", ["ftp://example.com", "file:///etc/passwd", "example.com", "http://", "http://[::1", "", "data:,x"]
)
def test_what_is_no_web_address_is_refused_even_without_rules(url):
    assert DomainRules().refusal(url) == "not an http or https address"


@pytest.mark.parametrize("entry", ["", " ", "http://", "/path", "exa mple.com", "*"])
def test_an_entry_without_a_host_is_a_config_error(entry):
    with pytest.raises(ConfigError, match="names no host"):
        DomainRules.of(allowed=[entry])


def test_hosts_for_engines_never_exclude_more_than_was_asked():
    rules = DomainRules.of(allowed=["a.com/x", "a.com/y", "b.com"], blocked=["c.com/z", "d.com"])
    assert rules.allowed_hosts() == ["a.com", "b.com"]
    assert rules.blocked_hosts() == ["d.com"]


@given(host=HOST, path=PATH, sub=LABEL, deeper=PATH)
def test_an_entry_covers_its_own_address_every_subdomain_and_everything_below(host, path, sub, deeper):
    rules = DomainRules.of(allowed=["/".join([host, *path])])
    assert rules.permits("https://" + "/".join([host, *path]))
    assert rules.permits("http://" + "/".join([f"{sub}.{host}", *path, *deeper]))
    assert not rules.permits("http://" + "/".join([f"{sub}{host}", *path]))


@given(host=HOST, path=PATH, url=st.text(max_size=60))
def test_no_text_makes_the_rules_fail(host, path, url):
    rules = DomainRules.of(allowed=["/".join([host, *path])])
    assert rules.permits(url) is (rules.refusal(url) is None)


@given(host=HOST, url_host=HOST)
def test_what_is_allowed_and_blocked_at_once_is_blocked(host, url_host):
    url = f"https://{url_host}/"
    both = DomainRules.of(allowed=[host], blocked=[host])
    assert not both.permits(url)
