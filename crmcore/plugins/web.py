"""HTTP as plugins see it: a request with its body as it came, the answer, and the routes that bring them together."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

import orjson

from crmcore.errors import BadInput

if TYPE_CHECKING:
    from crmcore.plugins.crm import Crm

METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
_MOST_FIELDS: Final = 1000
_FORM: Final = "application/x-www-form-urlencoded"
_STEP: Final = re.compile(r"[A-Za-z0-9._~-]+|\{[a-z_][a-z0-9_]*\}", re.ASCII)


class Pairs(Mapping[str, str]):
    """Names with texts, a name perhaps several times: `pairs["x"]` is the first, `pairs.all("x")` are all of them."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._held: dict[str, list[str]] = {}
        for name, text in pairs:
            self._held.setdefault(self._key(name), []).append(text)

    def _key(self, name: str) -> str:
        return name

    def __getitem__(self, name: str) -> str:
        return self._held[self._key(name)][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._held)})"

    def all(self, name: str) -> list[str]:
        """All texts of a name, in their order; none if it is not there."""
        return list(self._held.get(self._key(name), ()))


class Headers(Pairs):
    """Headers: the case of a name does not matter."""

    def _key(self, name: str) -> str:
        return name.lower()

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._held


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request to one of a plugin's routes.

    path         what follows `/plugins/<id>/`
    path_params  what stands where the route has `{name}`
    query        the parameters of the URL, a name perhaps several times
    headers      by name, whatever its case
    body         the bytes as they came, which is what signatures are over; at most `max_body_bytes` of the settings
    client       the address that the request came from
    """

    method: str
    path: str
    path_params: Mapping[str, str] = field(default_factory=dict)
    query: Pairs = field(default_factory=Pairs)
    headers: Headers = field(default_factory=Headers)
    body: bytes = field(default=b"", repr=False)
    client: str = ""

    def text(self) -> str:
        """The body as text. BadInput, answered with 400, if it is not UTF-8."""
        try:
            return self.body.decode()
        except UnicodeDecodeError as error:
            raise BadInput("The body is not UTF-8.") from error

    def json(self) -> Any:
        """The body as JSON. BadInput, answered with 400, if it is none."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise BadInput(f"The body is not JSON: {error.msg}.") from error

    def form(self) -> Pairs:
        """The fields of a form sent by POST. BadInput, answered with 400, if the body is no such form."""
        kind = self.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
        if kind != _FORM:
            raise BadInput(f"A form is sent as {_FORM}, not as {kind[:80]}.")
        try:
            return Pairs(parse_qsl(self.text(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
        except ValueError as error:
            raise BadInput("The form cannot be read.") from error


@dataclass(frozen=True, slots=True)
class WebResponse:
    """The answer of a route: text is sent as UTF-8, bytes as they are.

    Unless `headers` say otherwise it is not cached, its address is told to nobody (`Referrer-Policy`), and a page runs
    no scripts and stands in no frame (`Content-Security-Policy`).
    """

    body: str | bytes = ""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "text/html"

    @classmethod
    def json(cls, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> WebResponse:
        """JSON."""
        return cls(orjson.dumps(data), status, headers or {}, "application/json")

    @classmethod
    def redirect(cls, url: str, status: int = 303) -> WebResponse:
        """Go there instead; after a POST by GET, unless the status says otherwise."""
        return cls("", status, {"Location": url}, "text/plain")


Answering = Callable[["Crm", WebRequest], Awaitable[WebResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """An address of the plugin: `/plugins/<id>/<path>`, for everybody, without a token.

    path     `pixel.gif` or `answers/{token}`: a name in braces stands for one step of the path
    answer   `async def answer(crm: Crm, request: WebRequest) -> WebResponse`; `crm` is that of the default tenant, and
             a sealed token gives the right one (`crm.unseal`)
    methods  which are answered; HEAD is answered where GET is, without the body, so GET must change nothing
    timeout  seconds that an answer may take

    What it raises is answered with 502 and nothing but the plugin's name; BadInput with 400, Unauthenticated
    (`verify_signature`) with 401, Forbidden with 403, NotFound with 404, and 503 while settings are missing. An empty
    path is the plugin's own address, `/plugins/<id>`.
    """

    path: str
    answer: Answering
    methods: Sequence[str] = ("GET",)
    timeout: float = 10.0

    def steps(self) -> tuple[str, ...]:
        """The path step by step."""
        return tuple(self.path.strip("/").split("/"))

    def fits(self, path: str) -> dict[str, str] | None:
        """What the names in braces stand for in this path; None if it is another."""
        wanted, given = self.steps(), path.split("/")
        if len(wanted) != len(given):
            return None
        found: dict[str, str] = {}
        for step, text in zip(wanted, given, strict=True):
            if step.startswith("{"):
                if not text:
                    return None
                found[step[1:-1]] = text
            elif step != text:
                return None
        return found

    def faults(self) -> Iterator[str]:
        """What is wrong with it by itself."""
        names = [step for step in self.steps() if step.startswith("{")]
        named = self.steps() if self.path.strip("/") else ()
        if not all(_STEP.fullmatch(step) for step in named) or len(names) != len(set(names)):
            yield f"route {self.path!r}: write it like answers/{{token}}, each name once."
        if isinstance(self.methods, str) or not self.methods or not set(self.methods) <= METHODS:
            yield f"route {self.path!r}: methods is a list of {', '.join(sorted(METHODS))}."
        if self.timeout <= 0:
            yield f"route {self.path!r}: its timeout is in seconds, and more than 0."


def overlapping(routes: Sequence[Route]) -> Iterator[str]:
    """Routes that the same request would fit."""
    known: dict[tuple[str, tuple[str, ...]], Route] = {}
    for route in routes:
        shape = tuple("{}" if step.startswith("{") else step for step in route.steps())
        for method in route.methods:
            if (method, shape) in known:
                yield f"route {method} {route.path!r} is there twice."
            known[method, shape] = route


def chosen(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | set[str]:
    """The route of a request and what its names stand for: a step that is spelled out goes before a name. Otherwise
    the methods that the path knows; none for a path that is unknown."""
    wanted = {method, "GET"} if method == "HEAD" else {method}
    fitting = [(route, found) for route in routes if (found := route.fits(path)) is not None]
    fitting.sort(key=lambda pair: [step.startswith("{") for step in pair[0].steps()])
    for route, found in fitting:
        if wanted & set(route.methods):
            return route, found
    allowed = {name for route, _ in fitting for name in route.methods}
    return allowed | {"HEAD"} if "GET" in allowed else allowed
