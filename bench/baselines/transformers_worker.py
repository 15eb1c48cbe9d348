"""transformers behind a pipe: reads `PROMPT GENERATED` lines, answers each with the seconds of both as JSON."""
import json
import sys
import time

import torch
import transformers


def main():
    path, dtype, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    torch.set_num_threads(threads)
    model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=getattr(torch, dtype)).eval()
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    version = f"{transformers.__version__}, torch {torch.__version__}"
    print(json.dumps({"bytes": size, "version": version}), flush=True)
    for line in sys.stdin:
        prompt, generated = map(int, line.split())
        ids = torch.randint(model.config.vocab_size, (1, prompt + generated))
        cache = transformers.DynamicCache()
        with torch.inference_mode():
            start = time.perf_counter()
            if prompt:
                cache = model(ids[:, :prompt], past_key_values=cache, use_cache=True, logits_to_keep=1).past_key_values
            middle = time.perf_counter()
            for i in range(prompt, prompt + generated):
                cache = model(ids[:, i:i + 1], past_key_values=cache, use_cache=True).past_key_values
            end = time.perf_counter()
        print(json.dumps([middle - start, end - middle]), flush=True)


main()
