"""That the page asks for nothing, whatever happens, and that names are text."""

import re
import socket
import stat
import threading
from contextlib import closing

from support.report import Report
from support.waiting import wait_until

from browser.drive import LIMIT_S, Opened
from browser.person import HOSTILE_NAME
from browser.setting import PERSON, Setting, complaints

_POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]*)"')
_NEEDED = ("default-src 'none'", "form-action 'none'", "base-uri 'none'")
_UNWANTED = ("unsafe-inline", "unsafe-eval", "http", "*", "connect-src", "'self'")

_ATTEMPTS = {
    "fetch": "fetch(to).catch(() => 0)",
    "XMLHttpRequest": "{ const r = new XMLHttpRequest(); r.open('GET', to); r.send(); }",
    "a picture": "{ new Image().src = to; }",
    "a beacon": "navigator.sendBeacon(to, 'x')",
    "a socket": "{ new WebSocket(to.replace('http', 'ws')); }",
    "events": "{ new EventSource(to); }",
    "a script": "document.head.append(Object.assign(document.createElement('script'), {src: to}))",
    "a style": "document.head.append(Object.assign(document.createElement('link'), {rel: 'stylesheet', href: to}))",
    "a frame": "document.body.append(Object.assign(document.createElement('iframe'), {src: to}))",
    "a film": "document.body.append(Object.assign(document.createElement('video'), {src: to}))",
    "a typeface": "new FontFace('x', `url(${to})`).load().catch(() => 0)",
    "a form": "{ const f = document.createElement('form'); f.action = to; document.body.append(f); f.submit(); }",
}


def check(setting: Setting, report: Report) -> None:
    """The file, the policy, attempts to break it, and a monitor whose name is HTML."""
    setting.home(PERSON)
    file = setting.page(PERSON)
    text = file.read_text("utf-8")
    report.check("only its owner may read the page", stat.S_IMODE(file.stat().st_mode) == 0o600)
    found = _POLICY.search(text)
    policy = found[1].replace("&#39;", "'") if found else ""
    missing = [part for part in _NEEDED if part not in policy]
    report.check("its policy permits nothing by default", not missing, policy, details=missing)
    report.check("nor anything unsafe", bool(policy) and not any(part in policy for part in _UNWANTED), policy)
    addresses = sorted(set(re.findall(r"https?://[^\s\"'<)]+", text)) - {"http://www.w3.org/2000/svg"})
    report.check("no address of the network is in it", not addresses, details=addresses)
    for name in setting.browsers:
        with setting.opened(PERSON, name) as one:
            _names(one, report, name)
            report.check(f"{name}: it logs nothing and asks for nothing", not complaints(one), details=complaints(one))
            _attempts(one, report, name)


def _names(one: Opened, report: Report, browser: str) -> None:
    shown = one.run("document.body.innerText") + one.run(
        "[...document.querySelectorAll('[aria-label],[title],option')].map(e => "
        "[e.ariaLabel, e.title, e.textContent].join(' ')).join(' ')"
    )
    report.check(f"{browser}: the name of a monitor is text", HOSTILE_NAME in shown)
    made = one.run('document.querySelectorAll(\'img[src="x"], [onerror], [onclick], [style*="javascript"]\').length')
    report.check(f"{browser}: and makes no element", made == 0, made)


def _attempts(one: Opened, report: Report, browser: str) -> None:
    """Whether a script within the page could send anything to a server that does listen."""
    connections: list[str] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        listener = threading.Thread(target=_accept, args=(server, connections), daemon=True)
        listener.start()
        # The browser's own offline switch would make this easy.
        one.page.context.set_offline(False)
        for name, script in _ATTEMPTS.items():
            one.run(f"async to => {{ try {{ {script} }} catch {{}} }}", f"{address}{name.replace(' ', '-')}")
        with report.expect(f"{browser}: each of {len(_ATTEMPTS)} ways to ask for something is refused by the policy"):
            wait_until(
                lambda: len(one.run("violations")) >= len(_ATTEMPTS),
                "the page reports each refusal",
                timeout_s=LIMIT_S,
            )
        one.run("() => new Promise(done => setTimeout(done, 500))")  # for what was not refused to arrive
    report.check(f"{browser}: and none of them arrives", not connections, details=connections)


def _accept(server: socket.socket, connections: list[str]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connections.append(connection.recv(200).decode("ascii", "replace").partition("\r\n")[0])
