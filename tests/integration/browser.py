"""Headless Chromium over its DevTools protocol, on the two pipes of --remote-debugging-pipe: no library is needed."""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 60  # for any answer; a busy machine starts a browser slowly


def find():
    """The path of a Chromium, or None"""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One browser without network. Use as a context."""

    def __init__(self, program):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()

        def wire():  # the browser reads commands on 3 and answers on 4
            high = (os.dup(to_browser), os.dup(from_browser))
            spare = [os.dup2(fd, 10 + i) for i, fd in enumerate(high)]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)

        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars",
                 "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe",
                 f"--user-data-dir={self._profile.name}", "about:blank"]
        self._process = subprocess.Popen([program, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=wire)
        os.close(to_browser)
        os.close(from_browser)
        self._buffer = b""
        self._count = 0
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._write)
        os.close(self._read)
        self._profile.cleanup()

    def _message(self):
        end = time.monotonic() + SECONDS
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0, end - time.monotonic()))
            data = os.read(self._read, 1 << 20) if ready else b""
            if not data:
                raise RuntimeError(f"the browser says nothing; exit code {self._process.poll()}")
            self._buffer += data
        text, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **parameters):
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data):]
        while True:
            answer = self._message()
            if answer.get("id") != self._count:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def open(self, path, width=1280, height=900, dark=False, scripts=True):
        """A page that has loaded"""
        self.events.clear()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        page = Page(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        page.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        page.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        page.call("Page.navigate", url=path.resolve().as_uri())
        page.wait_for(lambda: any(e["method"] == "Page.loadEventFired" for e in page.events()), "load")
        return page


class Page:
    def __init__(self, browser, session):
        self._browser = browser
        self._session = session

    def call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)

    def events(self):
        return [event for event in self._browser.events if event.get("sessionId") == self._session]

    def wait_for(self, condition, what):
        end = time.monotonic() + SECONDS
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"no {what} after {SECONDS} s")
            time.sleep(0.05)
            self.call("Page.getFrameTree")  # takes in the events that wait

    def value(self, expression):
        """What a JavaScript expression is, through JSON"""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def boxes(self, selector):
        """Widths and heights of the elements as they are laid out, without running a script of the page"""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        found = []
        for node in self.call("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"]:
            try:
                model = self.call("DOM.getBoxModel", nodeId=node)["model"]
                found.append((model["width"], model["height"]))
            except RuntimeError:  # not shown
                found.append((0, 0))
        return found

    def complaints(self):
        """What went wrong on the page, as text"""
        said = []
        for event in self.events():
            if event["method"] == "Runtime.exceptionThrown":
                said.append(str(event["params"]["exceptionDetails"]))
            entry = event["params"].get("entry", {}) if event["method"] == "Log.entryAdded" else {}
            if entry.get("level") in ("error", "warning"):
                said.append(entry["text"])
            if event["method"] == "Runtime.consoleAPICalled" and event["params"]["type"] in ("error", "warning"):
                said.append(str(event["params"]["args"]))
        return said

    def requests(self):
        return [event["params"]["request"]["url"] for event in self.events()
                if event["method"] == "Network.requestWillBeSent"]

    def screenshot(self, path):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(data))
