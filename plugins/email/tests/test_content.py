"""Templates: what they may say, what they are refused for, and what they cannot do."""

from __future__ import annotations

import time
from typing import Any

import pytest

from crmcore_email.content import Source, TemplateFault, compiled, shape_of

SELECTION = "firstName name customers(first: 1) { nodes { name tier: importance } } birthday"
ANNA = {
    "firstName": "Anna <b>",
    "name": "Anna",
    "birthday": "1990-02-03",
    "customers": {"nodes": [{"name": "Acme & Co", "tier": "A"}]},
}


def rendered(body: str, subject: str = "Hi", data: Any = None, **more: Any) -> str:
    source = Source(subject, body, selection=SELECTION, **more)
    return compiled(source).render({"contact": data or ANNA}).html


def fault(body: str, **more: Any) -> TemplateFault:
    with pytest.raises(TemplateFault) as caught:
        rendered(body, **more)
    return caught.value


def test_a_template_says_what_its_selection_has():
    body = """<p>Dear {{ contact.firstName }}, {% for c in contact.customers.nodes if c.tier == "A" %}{{ c.name }}
    ({{ loop.index }}){% else %}nobody{% endfor %} {{ contact.birthday | date("%d.%m.") }}</p>"""
    found = compiled(Source("For {{ contact.firstName }}", body, selection=SELECTION)).render({"contact": ANNA})
    assert found.subject == "For Anna <b>"
    assert "Dear Anna &lt;b&gt;, Acme &amp; Co" in found.html
    assert "03.02." in found.html
    assert found.text.startswith("Dear Anna <b>, Acme & Co (1) 03.02.")


@pytest.mark.parametrize(
    "body, said",
    [
        ("{{ contact.lastName }}", "there is no contact.lastName; there is birthday, customers, firstName, name."),
        ("{{ contact.customers.nodes[0].nme }}", "there is no …"),
        ("{% for c in contact.customers.nodes %}{{ c.importance }}{% endfor %}", "there is no c.importance"),
        ("{% if contact.x %}{% endif %}", "there is no contact.x"),
        ("{{ customer.name }}", "there is no customer"),
        ("{{ contact.firstName.upper }}", "there is no contact.firstName.upper"),
    ],
)
def test_a_name_that_the_selection_lacks_is_refused_by_name(body: str, said: str):
    found = fault(body)
    assert found.part == "body"
    assert said.rstrip("…") in found.message
    assert found.message.startswith("Line 1 of the body")


@pytest.mark.parametrize(
    "body",
    [
        "{{ contact.__class__ }}", "{{ ''.__class__.__mro__ }}", "{{ contact.firstName.upper() }}", "{{ range(9) }}",
        "{% set x = 1 %}", "{% macro m() %}{% endmacro %}", "{% include 'x' %}", "{% import 'x' as y %}",
        "{{ 'a' * 1000000000 }}", "{{ 9 ** 9 ** 9 }}", "{{ 'a' ~ 'b' }}", "{{ '%99999d' % 1 }}", "{{ contact | safe }}",
        "{{ contact.firstName | attr('__class__') }}", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{{ contact.customers }}", "{% with a = 1 %}{% endwith %}", "{% block x %}{% endblock %}", "{{ self }}",
        "{{ {'a': 1} }}", "{{ lipsum }}", "{{ [1, 2] | map('upper') }}", "{{ [1] | _counted }}", "{% if %}", "{{",
    ],
)  # fmt: skip
def test_what_is_not_of_the_language_is_refused(body: str):
    assert fault(body).message


def test_nothing_runs_for_long():
    """Loops are counted, results measured; straight text costs what it is long."""
    many = {**ANNA, "customers": {"nodes": [{"name": "x" * 1000, "tier": ""}] * 300}}
    began = time.monotonic()
    twice = "{% for a in contact.customers.nodes %}{% for b in contact.customers.nodes %}{% endfor %}{% endfor %}"
    assert "loops turn more than" in fault(twice, data=many).message
    once = "{% for a in contact.customers.nodes %}" + "{{ a.name }}" * 10 + "{% endfor %}"
    assert "longer than" in fault(once, data=many).message
    assert time.monotonic() - began < 5
    assert "nested too deep" in fault("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}").message


def test_html_of_others_comes_in_clean_or_not_at_all():
    data = {**ANNA, "name": '<b onclick="x()">Hi</b><script>alert(1)</script>'}
    assert "<b>Hi</b>" in rendered("{{ contact.name | clean }}", data=data)
    assert "script" not in rendered("{{ contact.name | clean }}", data=data)
    assert "&lt;script&gt;" in rendered("{{ contact.name }}", data=data)


def test_mjml_styles_and_links():
    body = """<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{ contact.firstName }}</mj-text>
    <mj-button href="https://shop.example/?a=1&amp;b=2">Shop</mj-button></mj-column></mj-section></mj-body></mjml>"""
    ready = compiled(Source("Hi", body, "MJML", selection=SELECTION))
    assert ready.links == ("https://shop.example/?a=1&b=2",)
    own = ready.render({"contact": ANNA, "links": ["https://crm.example/c/1"], "pixel": "https://crm.example/o/1"})
    assert 'href="https://crm.example/c/1"' in own.html
    assert "<table" in own.html
    assert own.html.rstrip().endswith("</html>")
    assert '<img src="https://crm.example/o/1"' in own.html
    assert "Hello Anna <b>" in own.text
    assert "Shop (https://crm.example/c/1)" in own.text
    styled = rendered("<html><head><style>p { color: red }</style></head><body><p>x</p></body></html>")
    assert '<p style="color: red;">' in styled
    assert "no MJML" in fault("<mjml><mj-nope/></mjml>", format="MJML").message


@pytest.mark.parametrize(
    "selection",
    ["", "{", "a { b", "a }", "a(x: 1", "a @skip(if: true)", "... on Contact { id }", "a(x: $y)", "query { a }}", "a%"],
)
def test_a_selection_that_is_none_is_refused(selection: str):
    with pytest.raises(TemplateFault) as caught:
        shape_of(selection)
    assert caught.value.part == "selection"


def test_data_that_a_mail_is_sent_with_may_be_anything():
    """A mail about nobody in particular names its data freely; what is missing when it is sent is a fault then."""
    ready = compiled(Source("{{ data.title }}", "{% for x in data.rows %}{{ x.a }}{% endfor %}"))
    assert ready.render({"data": {"title": "T", "rows": [{"a": 1}, {"a": 2}]}}).html == "12"
    with pytest.raises(TemplateFault, match="rows"):
        ready.render({"data": {"title": "T"}})
