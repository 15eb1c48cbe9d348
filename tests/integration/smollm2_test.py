"""A GGUF file that others made (make data-smollm2): token ids and likelihood as llama.cpp has them (tests/oracle/gguf_smollm2.py)."""
import json
import sys

import support

FILE = support.ROOT / "data/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


class SmolLm2(support.ProgramTest):
    def test_as_llama_cpp(self):
        golden = json.loads((support.ROOT / "tests/golden/gguf/smollm2.json").read_text())
        text = self.write("text.txt", golden["text"])
        self.assertEqual(self.ok("tokenize", FILE, "--data", text)["documents"], [golden["ids"]])
        found = self.ok("perplexity", FILE, "--data", text, "--act", "f32", "--doc-end", "none", seconds=120, limited=False)
        self.assertEqual(found["predictions"], len(golden["ids"]) - 1)
        self.assertAlmostEqual(found["nll"], golden["nll"], delta=1e-4)

    def test_inspect(self):
        found = self.ok("inspect", FILE)
        self.assertEqual((found["kind"], found["architecture"]), ("gguf", "LlamaForCausalLM"))
        self.assertEqual(found["bytes"], FILE.stat().st_size)
        self.assertEqual(found["bits_per_weight_linears"], 5.0)  # Q4_1: 20 bytes for 32 weights


if __name__ == "__main__":
    if not FILE.exists():
        print(f"skipped: {FILE.relative_to(support.ROOT)} is not there; `make data-smollm2` fetches it")
        sys.exit(77)
    support.main()
