// Text files as documents, and documents as one stream of tokens (docs/glossary.md: corpus, document, document end).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {

// Calls `each` with every document of `path`, in order, until it returns an error. By the name's end: .jsonl (one
// object per line, the text in `field`; blank lines are skipped), .txt (the file is one document), each also .gz and
// .zst; .parquet where the build reads it (parquet.h); other names are refused with that list. Messages name file and
// line ("corpus.jsonl:17"). A BOM is dropped, CRLF in .jsonl is fine, a line, text file or row above 256 MiB is
// refused. A file without any document is an error.
Result<void> for_each_document(const std::filesystem::path& path, const std::string& field,
                               const std::function<Result<void>(std::string_view text)>& each);

struct PackingOptions {
    bool add_bos = true;                  // the tokenizer's template decides which id
    std::optional<TokenId> document_end;  // appended after each document
};

// --doc-end: "none", an id, or a token's text; unset = "</s>" if the vocabulary has it, else `eos`, else none.
Result<std::optional<TokenId>> resolve_document_end(const Tokenizer& tokenizer, const std::optional<std::string>& flag,
                                                    std::optional<TokenId> eos);

// One document's share of a TokenStream.
struct DocumentSpan {
    std::int64_t first = 0;       // index of its first token (BOS included)
    std::int64_t text_bytes = 0;  // UTF-8 bytes of its text
};

struct TokenStream {
    std::vector<TokenId> ids;             // per document: BOS, its ids, the document end; concatenated
    std::vector<DocumentSpan> documents;  // in order
    std::string sha256;                   // of the corpus file as it lies on disk
};

// UTF-8 bytes of the text behind the tokens [0, end) of the stream: whole documents by their text, the one that `end`
// cuts by the decoded text of its part.
Result<std::int64_t> text_bytes_until(const TokenStream& stream, const Tokenizer& tokenizer, std::int64_t end);

Result<TokenStream> read_token_stream(const std::filesystem::path& path, const std::string& field,
                                      const Tokenizer& tokenizer, const PackingOptions& options);

}  // namespace dwubit
