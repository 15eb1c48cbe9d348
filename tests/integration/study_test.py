"""`dwubit study` and `dwubit report`: steps, what a change redoes, stops, a second process, bad study files, no room."""
import fcntl
import json
import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import subprocess
import time

import study
import support

FREE = {"limited": False, "seconds": 120}  # libtorch maps more than 1 GiB


class Study(support.ProgramTest):
    def setUp(self):
        super().setUp()
        self.file = study.write(self.root)
        self.out = self.root / "out"

    def study(self, *more, out=None, code=0, **options):
        run = self.run_program("study", self.file, "-o", out or self.out, "--json", *more, **{**FREE, **options})
        self.assertEqual(run.code, code, run)
        found = self.the_object(run, "study")
        self.err = run.err
        return found

    def states(self, *more):
        return {step["id"]: step["state"] for step in self.study("--dry-run", *more)["steps"]}

    def redone(self):
        """Ids of the steps that the next run carries out"""
        before = {step for step, state in self.states().items() if state != "done"}
        self.assertEqual(self.study()["status"], "done")
        return before

    def change(self, old, new):
        text = self.file.read_text()
        self.assertIn(old, text)
        self.file.write_text(text.replace(old, new))


class Runs(Study):
    def test_from_nothing_to_a_report(self):
        found = self.study("--dry-run")
        self.assertFalse(self.out.exists())
        self.assertEqual([step["id"] for step in found["steps"]], study.STEPS)
        self.assertEqual({step["state"] for step in found["steps"]}, {"todo"})
        for step in found["steps"]:
            self.assertGreater(step["seconds"], 0)
            self.assertGreater(step["ram_bytes"], 0)
            self.assertIsNone(step["actual_seconds"])
        found = self.study()
        self.assertEqual(found["status"], "done")
        self.assertEqual(found["report"], str(self.out / "report.html"))
        self.assertEqual({step["state"] for step in found["steps"]}, {"done"})
        for number, step in enumerate(study.STEPS, 1):
            self.assertRegex(self.err, rf"\[{number}/10\] {step}: done, ")
        names = {path.relative_to(self.out).as_posix() for path in self.out.rglob("*")}
        self.assertLessEqual({"hessians/hessians.json", "models/rtn/dwubit.json", "models/gptq/config.json",
                              "results/base/perplexity.json", "report.html", "report.md", "report.json", "journal.sqlite"},
                             names)
        self.assertFalse([name for name in names if ".tmp-" in name or "partial" in name or "answers" in name])
        # Each file of results is what the commands would have written.
        report = json.loads((self.out / "report.json").read_text())
        self.assertEqual([model["id"] for model in report["models"]], ["base", "rtn", "gptq"])
        for model in report["models"]:
            measured = json.loads((self.out / "results" / model["id"] / "perplexity.json").read_text())
            self.assertEqual(model["perplexity"]["value"], measured["perplexity"])
            results, = (self.out / "results" / model["id"]).glob("results_*.json")
            scores = json.loads(results.read_text())["results"]
            self.assertAlmostEqual(model["tasks"]["words"]["score"], scores["words"]["acc,none"], delta=1e-12)
            self.assertAlmostEqual(model["tasks"]["words_gen"]["score"], scores["words_gen"]["chrf,none"], delta=1e-9)
        gptq = self.ok("perplexity", self.out / "models/gptq", "--data", self.root / "a.txt", "--window", "32", "--limit", "4",
                       "--kl-base", self.root / "model")
        self.assertEqual(report["models"][2]["perplexity"]["value"], gptq["perplexity"])
        self.assertEqual(report["models"][2]["kl"]["mean"], gptq["kl"]["mean"])
        # Again: nothing to do.
        before = study.content(self.out)
        self.assertEqual(self.redone(), set())
        self.assertEqual(study.content(self.out), before)
        self.assertEqual(self.err, "")

    def test_a_change_redoes_what_depends_on_it(self):
        self.study()
        gptq = {"quantize:gptq", "perplexity:gptq", "eval:gptq", "report"}
        self.change("gptq = { set = { group = 32 } }", "gptq = { set = { group = 64 } }")
        self.assertEqual(self.redone(), gptq)
        self.change("limit = 4", "limit = 3")
        self.assertEqual(self.redone(), {"perplexity:base", "perplexity:rtn", "perplexity:gptq", "report"})
        (self.root / "data/words/test.jsonl").write_text('{"q": "kot", "gold": 1}\n{"q": "ma", "gold": 0}\n')
        self.assertEqual(self.redone(), {"eval:base", "eval:rtn", "eval:gptq", "report"})
        self.assertEqual(len(list((self.out / "results/rtn").glob("results_*.json"))), 1)
        self.change('title = "Which?"', 'title = "Which one?"')
        self.assertEqual(self.redone(), {"report"})
        self.file.write_text(self.file.read_text() + "coarse = { method = \"rtn\" }\n")
        self.assertEqual(self.redone(), {"quantize:coarse", "perplexity:coarse", "eval:coarse", "report"})
        self.change("sequences = 6", "sequences = 5")
        self.assertEqual(len(self.redone()), 13 - 2)  # all but the base's own two
        # A comment changes nothing, and neither does another machine's clock.
        self.file.write_text("# seen\n" + self.file.read_text())
        os.utime(self.root / "a.txt", (1, 1))
        self.assertEqual(self.redone(), set())

    def test_outputs_that_changed_are_made_again(self):
        self.study()
        reference = study.content(self.out)
        shard = self.out / "models/rtn/config.json"
        shard.write_text(shard.read_text().replace("mistral", "mistraI"))
        (self.out / "results/gptq/perplexity.json").unlink()
        shutil.rmtree(self.out / "results/base")
        self.assertEqual(self.redone(), {"quantize:rtn", "perplexity:gptq", "perplexity:base", "eval:base", "report"})
        self.assertEqual(study.content(self.out), reference)

    def test_methods_that_left_the_study_are_said(self):
        self.study()
        self.change("rtn = { set = { group = 32 } }\n", "")
        found = self.study()
        self.assertTrue(any("models/rtn" in text for text in found["warnings"]), found["warnings"])
        report = json.loads((self.out / "report.json").read_text())
        self.assertEqual([model["id"] for model in report["models"]], ["base", "gptq"])

    def test_quiet_and_lines_for_people(self):
        run = self.run_program("study", self.file, "-o", self.out, "--quiet", **FREE)
        self.assertEqual((run.code, run.err), (0, ""), run)
        self.assertIn(f"report: {self.out}/report.html", run.out)
        run = self.run_program("study", self.file, "-o", self.out, "--dry-run", **FREE)
        self.assertIn("quantize:gptq", run.out)
        self.assertIn("left to do", run.out)

    def test_a_step_that_fails_keeps_no_other_from_running(self):
        self.file.write_text(self.file.read_text() + 'bad = { method = "rtn", layers = "7" }\n')
        found = self.study(code=1)
        self.assertEqual(found["status"], "failed")
        self.assertEqual([failed["id"] for failed in found["failed"]], ["quantize:bad"])
        self.assertIn("layers", found["failed"][0]["error"]["message"])
        self.assertTrue(any("eval:bad is left out" in text for text in found["warnings"]), found["warnings"])
        report = json.loads((self.out / "report.json").read_text())
        self.assertEqual([model["id"] for model in report["models"]], ["base", "rtn", "gptq"])
        self.assertTrue(any("bad" in text for text in report["warnings"]))
        self.change('layers = "7"', 'layers = "1"')
        self.assertEqual(self.redone(), {"quantize:bad", "perplexity:bad", "eval:bad", "report"})

    def test_a_budget_that_does_not_do(self):
        self.file.write_text(self.file.read_text() + "[budget]\nhours = 1e-6\nusd_per_hour = 2\n")
        self.refused(2, "study", self.file, "-o", self.out, names=["hours", "study.toml"], **FREE)
        self.assertFalse(self.out.exists())
        found = self.study("--dry-run")
        self.assertTrue(any("hours" in text for text in found["warnings"]))
        self.assertAlmostEqual(found["total"]["cost_usd"], found["total"]["seconds"] / 3600 * 2, delta=1e-12)


class Reports(Study):
    def test_written_again(self):
        self.study()
        elsewhere = self.root / "shown"
        found = self.run_program("report", self.out, "-o", elsewhere, "--json")
        value = self.the_object(found, "report")
        self.assertEqual(sorted(value["files"]), sorted(str(path) for path in elsewhere.rglob("*") if path.is_file()))
        self.assertTrue(value["verdict"])
        for name in ("report.json", "report.md", "report.html"):
            self.assertEqual((elsewhere / name).read_bytes(), (self.out / name).read_bytes())
        # Without times the pages of equal studies are equal.
        self.study(out=self.root / "again/out")
        shown = []
        for number, folder in enumerate((self.out, self.root / "again/out")):
            target = self.root / f"bare{number}"
            self.assertEqual(self.run_program("report", folder, "-o", target, "--no-timings").code, 0)
            shown.append({path.name: path.read_bytes() for path in sorted(target.rglob("*")) if path.is_file()})
        self.assertEqual(shown[0], shown[1])

    def test_shows_nothing_that_was_measured_of_something_else(self):
        """A study that stopped after a recipe was changed: the model is new, its measures are still the old one's"""
        self.study()
        connection = sqlite3.connect(self.out / "journal.sqlite")
        with connection:
            connection.execute("UPDATE steps SET key = 'other' WHERE id IN ('perplexity:gptq', 'eval:gptq')")
            connection.execute("INSERT INTO steps SELECT 'quantize:gone', key, state, outputs, seconds, finished, "
                               "environment, failed FROM steps WHERE id = 'quantize:rtn'")
        connection.close()
        self.assertEqual(self.run_program("report", self.out, "-o", self.root / "shown").code, 0)
        report = json.loads((self.root / "shown/report.json").read_text())
        models = {model["id"]: model for model in report["models"]}
        self.assertEqual((models["gptq"]["perplexity"], models["gptq"]["tasks"]), (None, {}))
        self.assertIsNotNone(models["rtn"]["perplexity"])
        steps = [step["id"] for step in report["run"]["steps"]]
        self.assertNotIn("eval:gptq", steps)
        self.assertNotIn("quantize:gone", steps)
        self.assertEqual(self.redone(), {"perplexity:gptq", "eval:gptq", "report"})

    def test_of_what_is_no_study(self):
        self.refused(1, "report", self.root / "nowhere", kind="not_found", names=["nowhere"])
        self.refused(1, "report", self.root / "model", kind="not_found", names=["journal.sqlite"])


class Stops(Study):
    def start(self, *more):
        return subprocess.Popen([support.program(), "study", self.file, "-o", self.out, "--json", *more],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_asked_to_stop(self):
        self.study(out=self.root / "reference")
        reference, codes = study.content(self.root / "reference"), []
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            process = self.start()
            for line in process.stderr:  # as soon as it begins with something
                if "about" in line:
                    break
            process.send_signal(number)
            out, err = process.communicate(timeout=120)
            codes.append(process.returncode)
            found = json.loads(out)
            self.assertEqual((process.returncode, found["status"]), (75, "resumable"), err)
        self.assertEqual(codes, [75, 75, 75])
        self.assertEqual(self.study()["status"], "done")
        self.assertEqual(study.content(self.out), reference)

    def test_one_process_at_a_time(self):
        self.out.mkdir()
        with open(self.out / ".study.lock", "w") as lock:  # what a running study holds
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write("process 4711")
            lock.flush()
            self.refused(2, "study", self.file, "-o", self.out, names=["another process", "4711"], hint="--wait", **FREE)
            process = self.start("--wait")
            time.sleep(2)
            self.assertIsNone(process.poll())  # waits
        out, err = process.communicate(timeout=120)
        self.assertEqual((process.returncode, json.loads(out)["status"]), (0, "done"), err)


class Bad(Study):
    def bad(self, names, code=1, **options):
        error = self.refused(code, "study", self.file, "-o", self.out, names=names, **FREE, **options)
        self.assertFalse(self.out.exists())
        return error

    def test_study_files(self):
        good = self.file.read_text()
        self.change("[perplexity]\nwindow", "[perplexity]\nwindwo")
        self.bad(["study.toml:10", "windwo"], hint="window")
        self.file.write_text(good.replace("[methods]", "[metods]"))
        self.bad(["metods"], hint="methods")
        self.file.write_text(good.replace("gptq = {", "gtpq = {"))
        self.bad(["gtpq", "study.toml"], code=2, hint="gptq")
        self.file.write_text(good.replace("rtn = {", 'rtn = { recipe = "g129",'))
        self.bad(["g129", "study.toml"], code=2, hint="g128")
        self.file.write_text(good.replace("set = { group", "set = { gropu", 1))
        self.bad(["gropu"], code=2, hint="group")
        self.file.write_text(good + "= 3\n")
        self.bad(["study.toml"])
        self.file.unlink()
        self.bad(["study.toml", "No such file"])

    def test_what_it_names(self):
        good = self.file.read_text()
        for old, new, code, names in (('model = "model"', 'model = "nowhere"', 1, ["nowhere"]),
                                      ('heldout = "a.txt"', 'heldout = "b.txt"', 1, ["b.txt", "heldout"]),
                                      ('calibration = "a.txt"', 'calibration = "b.txt"', 1, ["b.txt", "calibration"]),
                                      ('tasks = ["words",', 'tasks = ["wrods",', 2, ["wrods", "study.toml", "words"]),
                                      ('datasets = "data"', 'datasets = "none"', 1, ["words"])):
            self.file.write_text(good.replace(old, new))
            self.bad(names, code)
        self.file.write_text(good)
        (self.root / "model/model.safetensors").write_bytes(b"\0" * 100)
        self.bad(["model.safetensors"])

    def test_another_study_or_no_study_in_the_folder(self):
        self.out.mkdir()
        (self.out / "mine.txt").write_text("mine")
        self.refused(2, "study", self.file, "-o", self.out, names=["holds no study"], **FREE)
        self.assertEqual([path.name for path in self.out.iterdir()], ["mine.txt"])
        (self.out / "mine.txt").unlink()
        self.study()
        before = study.content(self.out)
        self.file.write_text('name = "other"\n' + self.file.read_text())
        self.refused(2, "study", self.file, "-o", self.out, names=["'study'", "'other'"], **FREE)
        self.assertEqual(study.content(self.out), before)

    def test_a_journal_that_is_damaged_or_newer(self):
        self.study()
        journal = self.out / "journal.sqlite"
        good = journal.read_bytes()
        journal.write_bytes(b"x" * len(good))
        self.refused(1, "study", self.file, "-o", self.out, names=["journal.sqlite"], **FREE)
        self.refused(1, "report", self.out, names=["journal.sqlite"])
        journal.write_bytes(good[:60] + b"\0\0\0\2" + good[64:])
        self.refused(1, "study", self.file, "-o", self.out, kind="unsupported", names=["version 2"], **FREE)
        journal.write_bytes(good)
        self.assertEqual(self.redone(), set())

    def test_no_room(self):
        """Files may not grow past a limit: what stays is gone on with"""
        self.study(out=self.root / "reference")

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

        run = subprocess.run([support.program(), "study", self.file, "-o", self.out, "--json"], capture_output=True, text=True,
                             preexec_fn=limit, timeout=120)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertEqual(json.loads(run.stdout)["error"]["kind"], "io", run.stdout)
        self.assertEqual(self.study()["status"], "done")
        self.assertEqual(study.content(self.out), study.content(self.root / "reference"))

    def test_read_only(self):
        place = pathlib.Path("/sys/kernel")  # not even root makes folders there
        self.refused(1, "study", self.file, "-o", place / "out", kind="io", names=["/sys/kernel/out"], **FREE)


if __name__ == "__main__":
    support.main()
