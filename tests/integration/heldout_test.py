"""Perplexity of orlik on data/orlik/heldout.jsonl against transformers in float32. Exit code 77: the text is not there."""
import hashlib
import json
import math
import sys

import support

HELDOUT = support.ROOT / "data" / "orlik" / "heldout.jsonl"
RECORDED = "ba99cc678e0283ab13cbfee564e094cdc4b4989b78681ac0d986b2a88db0cab4"
SKIP = 77


class Heldout(support.ProgramTest):
    recorded = True

    def check(self, convention, perplexity, predictions):
        found = self.ok("perplexity", support.ORLIK, "--data", HELDOUT, "--act", "f32", "--convention", convention,
                        seconds=240, limited=False)
        self.assertEqual((found["window"], found["doc_end"], found["add_bos"]), (1024, 2, True))
        if not self.recorded:
            self.assertTrue(perplexity / 1.2 < found["perplexity"] < perplexity * 1.2, found["perplexity"])
            self.assertTrue(predictions / 1.2 < found["predictions"] < predictions * 1.2, found["predictions"])
            return found
        self.assertEqual(found["corpus_sha256"], RECORDED)
        self.assertEqual(found["predictions"], predictions)
        self.assertAlmostEqual(found["perplexity"], perplexity, delta=0.002)
        return found

    def test_carry(self):
        found = self.check("carry", 14.0437, 65194)
        size = sum(len(json.loads(line)["text"].encode()) for line in HELDOUT.read_bytes().splitlines())
        bits = math.log(found["perplexity"]) * found["predictions"] / math.log(2) / size
        self.assertAlmostEqual(found["bits_per_byte"], bits, delta=1e-6)

    def test_inside(self):
        self.check("inside", 14.0866, 64449)


if __name__ == "__main__":
    if not HELDOUT.exists():
        print(f"skipped: {HELDOUT.relative_to(support.ROOT)} is not there; `make data` fetches it")
        sys.exit(SKIP)
    Heldout.recorded = hashlib.sha256(HELDOUT.read_bytes()).hexdigest() == RECORDED
    if not Heldout.recorded:
        print(f"{HELDOUT.relative_to(support.ROOT)} is not as recorded (the archive serves newer packages): ranges only")
    support.main()
