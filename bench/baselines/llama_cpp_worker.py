"""llama.cpp behind a pipe: reads `PROMPT GENERATED` lines, answers each with the seconds of both as JSON."""
import json
import random
import sys
import time

import llama_cpp


def main():
    path, threads, context = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    model = llama_cpp.Llama(model_path=path, n_ctx=context, n_batch=512, n_ubatch=512, n_threads=threads,
                            n_threads_batch=threads, verbose=False)
    vocabulary = model.n_vocab()
    size = llama_cpp.llama_model_size(model.model)
    print(json.dumps({"bytes": size, "version": llama_cpp.__version__}), flush=True)
    for line in sys.stdin:
        prompt, generated = map(int, line.split())
        ids = [random.randrange(vocabulary) for _ in range(prompt + generated)]
        model.reset()
        start = time.perf_counter()
        if prompt:
            model.eval(ids[:prompt])
        middle = time.perf_counter()
        for token in ids[prompt:]:
            model.eval([token])
        print(json.dumps([middle - start, time.perf_counter() - middle]), flush=True)


main()
