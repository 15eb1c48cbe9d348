"""`dwubit tasks`: what the folders of task files define."""
import support

TASK = """task: {name}
tag: [small, polish]
dataset_path: words
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{q}}}}"
doc_to_choice: [ma, kot]
doc_to_target: gold
"""


class Tasks(support.ProgramTest):
    def test_those_that_come_with_the_program(self):
        found = self.ok("tasks")
        names = {task["name"]: task for task in found["tasks"] if task["kind"] == "task"}
        for name in ("orlik_dzialy", "orlik_dalej", "orlik_slowo", "orlik_tlumacz", "orlik_para"):
            self.assertEqual(names[name]["output_type"], "multiple_choice")
            self.assertEqual(names[name]["dataset_path"], "orlik/" + name.removeprefix("orlik_"))
        self.assertEqual(names["orlik_dzialy_gen"]["output_type"], "generate_until")
        groups = {group["name"]: group for group in found["tasks"] if group["kind"] == "tag"}
        self.assertEqual(sorted(groups["orlik_gen"]["members"]), ["orlik_dzialy_gen", "orlik_tlumacz_gen"])
        self.assertEqual(len(groups["orlik"]["members"]), 5)

    def test_a_folder(self):
        self.write("mine/a.yaml", TASK.format(name="one"))
        self.write("mine/deep/b.yaml", TASK.format(name="two"))
        self.write("mine/g.yaml", "group: both\ntask: [one, two]\n")
        self.write("mine/part.yaml", "output_type: multiple_choice\n")
        found = self.ok("tasks", "--include_path", self.root / "mine")
        self.assertEqual([task["name"] for task in found["tasks"] if task["kind"] == "task"], ["one", "two"])
        groups = {entry["name"]: (entry["kind"], sorted(entry["members"])) for entry in found["tasks"] if "members" in entry}
        self.assertEqual(groups, {"both": ("group", ["one", "two"]), "small": ("tag", ["one", "two"]),
                                  "polish": ("tag", ["one", "two"])})

    def test_bad(self):
        self.write("twins/a.yaml", TASK.format(name="one"))
        self.write("twins/b.yaml", TASK.format(name="one"))
        self.refused(1, "tasks", "--include_path", self.root / "twins", names=["a.yaml", "b.yaml", "one"])
        self.write("broken/a.yaml", "task: [one\n")
        self.refused(1, "tasks", "--include_path", self.root / "broken", names=["a.yaml"])
        self.refused(1, "tasks", "--include_path", self.root / "nowhere", names=["nowhere"])


if __name__ == "__main__":
    support.main()
