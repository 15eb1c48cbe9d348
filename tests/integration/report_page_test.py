"""The HTML page of a report in headless Chromium: every chart draws, light, dark, on a phone; without JavaScript the tables and
static pictures are there.

    python3 -B tests/integration/report_page_test.py build/dev/tests/support/render_report [--screenshots FOLDER]
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import browser
import support

EXAMPLES = support.ROOT / "tests" / "golden" / "report"
HOSTILE = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">`|*_&amp;"
CHARTS = {"quality": 1, "divergence": 1, "retention": 1, "layers": 7}  # pictures in each
# Charts whose data-drawn or data-error is set
SETTLED = "[...document.querySelectorAll('.view')].every(v => 'drawn' in v.dataset || 'error' in v.dataset)"
VIEWS = """[...document.querySelectorAll('.view')].map(v => ({id: v.id, error: v.dataset.error || null,
    marks: [...v.querySelectorAll('.drawn .mark-symbol path')].filter(p => p.getBBox().width > 0).length,
    texts: [...v.querySelectorAll('.drawn text')].map(t => t.textContent).join('\\n'),
    width: v.getBoundingClientRect().width, height: v.getBoundingClientRect().height,
    fixed: [...v.querySelectorAll('.static')].some(s => s.getBoundingClientRect().height > 0)}))"""
_chromium = browser.find()
_screenshots = None


def example():
    return json.loads((EXAMPLES / "example.json").read_text())


class ReportPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.browser = browser.Browser(_chromium)
        cls.addClassCleanup(cls.browser.__exit__)

    def render(self, name, report):
        """The page of a report, and whether this build has the chart library"""
        root = pathlib.Path(self.folder.name)
        source = root / f"{name}.json"
        source.write_text(json.dumps(report))
        subprocess.run([support.program(), source, root / name], check=True)
        page = root / name / "report.html"
        return page, "window.vegaEmbed=" in page.read_text()

    def open(self, path, interactive, **options):
        page = self.browser.open(path, **options)
        if interactive:
            page.wait_for(lambda: page.value(SETTLED), "chart")
        return page

    def check_page(self, page, path):
        self.assertEqual(page.complaints(), [])
        self.assertEqual(page.requests(), [path.as_uri()])  # nothing but the page itself
        width, shown = page.value("[document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]")
        self.assertLessEqual(width, shown, "the page scrolls sideways")

    def check_charts(self, page, marks):
        views = {view["id"]: view for view in page.value(VIEWS)}
        self.assertEqual(set(views), set(marks))
        for name, view in views.items():
            self.assertIsNone(view["error"], view)
            self.assertEqual(view["marks"], marks[name], view)
            self.assertFalse(view["fixed"], f"{name}: the static picture is still there")
            self.assertGreater(min(view["width"], view["height"]), 100, view)
            self.assertNotRegex(view["texts"], r"NaN|undefined|null|Infinity", view)

    def example_marks(self):
        marks = {f"chart-{name}-0": 7 for name in ("quality", "divergence", "retention")}
        return marks | {f"chart-layers-{i}": 7 * 8 for i in range(7)}

    def test_every_chart_draws(self):
        path, interactive = self.render("example", example())
        for name, options in {"light": {}, "dark": {"dark": True}, "phone": {"width": 390, "height": 844},
                              "phone-dark": {"width": 390, "height": 844, "dark": True}}.items():
            with self.subTest(name):
                page = self.open(path, interactive, **options)
                self.check_page(page, path)
                if interactive:
                    self.check_charts(page, self.example_marks())
                ink, paper = page.value("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
                light_of = lambda color: sum(map(int, re.findall(r"\d+", color)[:3]))
                self.assertEqual(light_of(ink) > light_of(paper), "dark" in name)
                if _screenshots:
                    page.screenshot(_screenshots / f"{name}.png")
        if not interactive:
            self.skipTest("this build has no chart library (tools/get_charts.sh): static charts were looked at alone")

    def test_without_scripts(self):
        path, _ = self.render("plain", example())
        for width in (1280, 390):
            page = self.browser.open(path, width=width, height=900, scripts=False)
            tables = page.boxes("table")
            self.assertEqual(len(tables), 7)
            self.assertTrue(all(w > 100 and h > 50 for w, h in tables), tables)
            pictures = page.boxes(".static > svg")
            self.assertEqual(len(pictures), sum(CHARTS.values()))
            self.assertTrue(all(w > 100 and h > 100 for w, h in pictures), pictures)
            self.assertEqual(page.boxes(".drawn"), [])
            size = page.call("Page.getLayoutMetrics")["cssContentSize"]
            self.assertLessEqual(size["width"], width)
            if _screenshots:
                page.screenshot(_screenshots / f"no-scripts-{width}.png")

    def test_hostile_names(self):
        report = example()
        report["study"]["title"] = HOSTILE
        report["warnings"] = [HOSTILE]
        report["run"]["inputs"][0]["path"] = HOSTILE
        report["run"]["settings"]["note"] = HOSTILE
        report["models"][1]["id"] = HOSTILE
        report["tasks"][0]["name"] = HOSTILE
        for model in report["models"]:
            model["tasks"][HOSTILE] = model["tasks"].pop("orlik_dzialy")
        for tensor in report["models"][2]["tensors"]:
            tensor["name"] += HOSTILE.replace(".", "")
        path, interactive = self.render("hostile", report)
        page = self.open(path, interactive)
        self.check_page(page, path)
        self.assertEqual(page.value("document.title"), HOSTILE)
        self.assertEqual(page.value("document.querySelectorAll('img').length"), 0)
        self.assertEqual(page.value("document.querySelectorAll('script').length"), 3 if interactive else 0)
        self.assertIn(HOSTILE, page.value("document.querySelector('main').textContent"))
        if interactive:
            self.assertEqual({view["error"] for view in page.value(VIEWS)}, {None})

    def test_extremes(self):
        """Twelve methods, one of them collapsed, values missing and out of all proportion"""
        report = example()
        first = report["models"][2]
        for i in range(12 - 7):
            report["models"].append(json.loads(json.dumps(first)) | {"id": f"copy-{i}"})
        report["models"][1]["perplexity"] = {"value": 3.1e9, "stderr": 2.2e7, "ratio": 2.2e8}
        report["models"][3]["kl"] = None
        report["models"][4]["generation_retention"] = {"value": -7.5, "low": -90.0, "high": 2.0, "tasks": 1}
        report["models"][5]["tensors"] = []
        report["models"][6]["kl"]["mean"] = 0.0
        path, interactive = self.render("extremes", report)
        page = self.open(path, interactive, width=390, height=844)
        self.check_page(page, path)
        if interactive:
            marks = self.example_marks() | {"chart-quality-0": 12, "chart-divergence-0": 11, "chart-retention-0": 12}
            self.check_charts(page, marks | {f"chart-layers-{i}": 11 * 8 for i in range(7)})
        if _screenshots:
            page.screenshot(_screenshots / "extremes-phone.png")


if __name__ == "__main__":
    if _chromium is None:
        print("skipped: no Chromium (Debian: apt-get install chromium), so that no page was opened")
        sys.exit(77)
    if "--screenshots" in sys.argv:
        at = sys.argv.index("--screenshots")
        _screenshots = pathlib.Path(sys.argv[at + 1]).resolve()
        del sys.argv[at:at + 2]
    support.main()
