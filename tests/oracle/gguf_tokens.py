#!/usr/bin/env python3
"""Token ids by llama.cpp of small vocabularies in GGUF files, one per pre-tokenizer and two of SentencePiece's kind.

Writes tests/golden/gguf/<name>.gguf (vocabulary only) and tests/golden/gguf/tokens.json: {texts, ids: {<name>: [[...]]}}.
The vocabularies are trained here, on text of this repository; SentencePiece's has scores, in one of two with many that are equal.
"""
import json
import pathlib
import random

import gguf
import llama_cpp
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "tests/golden/gguf"
VOCABULARY = 600
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
TRAINING = ["docs/architecture.md", "docs/style.md", "docs/evaluation.md", "CONTRIBUTING.md", "models/orlik/NOTICE.tsv"]
TEXTS = ["", " ", "  ", "\n", "a", "Zażółć gęślą jaźń.", "Hello, world!", "It's 2026, isn't it? I'LL say WE'VE", "1234567890 12 3.14",
         "  two  spaces   and\ttabs\t\n\n and lines\r\n", "x = (a + b) * c;  // it's", "żółw 東京 🙂 é e\u0301", "a_b-c d/e <s> [x] {y}",
         "Kernels are named by what they do: rms_norm_f32_avx2", "aaaaaaaaaaaaaaaaaaaaaaaaa", "the the the thethethe", "<|end|> after",
         "before<|end|>", "  <|end|>  <|end|>x", "¹²³ ½ ٣٤", "ÀÉÎ ĄĆĘ ßöü", "don't DON'T Don’t", "$5 + 3% = ^~|", "\u00a0nbsp\u2003em"]


def training_text():
    return [line + "\n" for name in TRAINING for line in (ROOT / name).read_text().splitlines()[:400]]


def byte_level(ignore_merges):
    """Vocabulary and merges of byte-level BPE"""
    tokenizer = tokenizers.Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(tokenizers.Regex(LLAMA3), "isolated"),
                                                       pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(training_text(), trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    return sorted(model["vocab"], key=model["vocab"].get), [" ".join(merge) for merge in model["merges"]]


def sentence_pieces():
    """Pieces of a BPE over whole lines with U+2581 for blanks, in order of merges"""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.train_from_iterator(training_text(), trainers.BpeTrainer(vocab_size=VOCABULARY, show_progress=False))
    vocabulary = json.loads(tokenizer.to_str())["model"]["vocab"]
    return sorted(vocabulary, key=vocabulary.get)


def start(path, model):
    writer = gguf.GGUFWriter(path, "llama")
    for add, value in ((writer.add_context_length, 512), (writer.add_embedding_length, 32), (writer.add_block_count, 1),
                       (writer.add_feed_forward_length, 32), (writer.add_head_count, 1), (writer.add_layer_norm_rms_eps, 1e-5)):
        add(value)
    writer.add_tokenizer_model(model)
    return writer


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def write_byte_level(path, pre):
    tokens, merges = byte_level(pre in ("llama-bpe", "tekken"))
    writer = start(path, "gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([*tokens, "<|begin|>", "<|end|>", "own token"])
    kinds = gguf.TokenType
    writer.add_token_types([kinds.NORMAL] * len(tokens) + [kinds.CONTROL, kinds.CONTROL, kinds.USER_DEFINED])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(len(tokens))
    writer.add_eos_token_id(len(tokens) + 1)
    finish(writer)


def write_sentence_piece(path, equal):
    rng = random.Random(7)
    pieces = sentence_pieces()
    kinds = gguf.TokenType
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces, "<|end|>", "own token"]
    special = 3 + 256
    scores = [0.0] * special + [-float(rng.randrange(5) if equal else i) for i in range(len(pieces))] + [0.0, -1000.0]
    writer = start(path, "llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types([kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL] + [kinds.BYTE] * 256 + [kinds.NORMAL] * len(pieces) +
                           [kinds.CONTROL, kinds.USER_DEFINED])
    writer.add_add_space_prefix(not equal)
    finish(writer)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    answers = {"llama.cpp": llama_cpp.__version__, "texts": TEXTS, "ids": {}}
    jobs = {pre: (write_byte_level, pre) for pre in ("llama-bpe", "smaug-bpe", "qwen2", "tekken", "smollm", "gpt-2", "default")}
    jobs |= {"scores": (write_sentence_piece, False), "equal-scores": (write_sentence_piece, True)}
    for name, (write, argument) in jobs.items():
        path = OUT / f"{name}.gguf"
        write(path, argument)
        model = llama_cpp.Llama(model_path=str(path), vocab_only=True, verbose=False)
        answers["ids"][name] = [model.tokenize(text.encode(), add_bos=True, special=True) for text in TEXTS]
    (OUT / "tokens.json").write_text(json.dumps(answers, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
