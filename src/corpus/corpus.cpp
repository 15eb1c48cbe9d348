#include "corpus/corpus.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "base/check.h"
#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "corpus/byte_source.h"
#include "corpus/documents.h"
#include "corpus/parquet.h"

namespace dwubit {
namespace {

std::optional<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (status != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Result<void> visit_documents(const MappedFile& file, const CorpusFormat& format, const std::string& field,
                             const DocumentVisitor& each) {
    const std::string where = file.path().string();
    if (format.documents == CorpusFormat::Documents::kParquet) return read_parquet(file.bytes(), where, field, each);
    auto source = open_byte_source(file.bytes(), format.compression);
    if (!source.ok()) return std::move(source).error();
    return read_documents(**source, format.documents, where, field, each);
}

}  // namespace

Result<void> for_each_document(const std::filesystem::path& path, const std::string& field,
                               const DocumentVisitor& each) {
    DWUBIT_ASSIGN(const CorpusFormat format, corpus_format(path));
    DWUBIT_ASSIGN(const MappedFile file, MappedFile::open(path));
    return visit_documents(file, format, field, each);
}

Result<std::optional<TokenId>> resolve_document_end(const Tokenizer& tokenizer, const std::optional<std::string>& flag,
                                                    std::optional<TokenId> eos) {
    using Id = std::optional<TokenId>;
    if (!flag) {
        if (const Id end = tokenizer.find("</s>")) return end;
        return eos;
    }
    if (*flag == "none") return Id();
    if (const auto number = parse_integer(*flag)) {
        const bool in_range = *number >= 0 && *number < tokenizer.vocab_size();
        if (in_range && tokenizer.token(static_cast<TokenId>(*number)) != nullptr) {
            return Id(static_cast<TokenId>(*number));
        }
        return errorf(ErrorKind::kUsage, "--doc-end {}: no token has that id", *flag)
            .with_hint(fmt::format("ids lie between 0 and {}", tokenizer.vocab_size() - 1));
    }
    if (const Id id = tokenizer.find(*flag)) return id;
    return errorf(ErrorKind::kUsage, "--doc-end {}: no such token", printable(*flag))
        .with_hint("none, an id, or a token as the vocabulary writes it, such as </s>");
}

Result<TokenStream> read_token_stream(const std::filesystem::path& path, const std::string& field,
                                      const Tokenizer& tokenizer, const PackingOptions& options) {
    DWUBIT_ASSIGN(const CorpusFormat format, corpus_format(path));
    DWUBIT_ASSIGN(const MappedFile file, MappedFile::open(path));
    TokenStream stream;
    const auto add = [&](std::string_view text) -> Result<void> {
        stream.documents.push_back(
            {static_cast<std::int64_t>(stream.ids.size()), static_cast<std::int64_t>(text.size())});
        const std::optional<TokenId> bos = tokenizer.bos();
        if (options.add_bos && bos) stream.ids.push_back(*bos);
        DWUBIT_ASSIGN(const std::vector<TokenId> ids, tokenizer.encode(text, false));
        stream.ids.insert(stream.ids.end(), ids.begin(), ids.end());
        if (options.document_end) stream.ids.push_back(*options.document_end);
        return {};
    };
    DWUBIT_TRY(visit_documents(file, format, field, add));
    stream.sha256 = sha256_hex(file.bytes());
    return stream;
}

Result<std::int64_t> text_bytes_until(const TokenStream& stream, const Tokenizer& tokenizer, std::int64_t end) {
    DWUBIT_CHECK(end >= 0 && end <= static_cast<std::int64_t>(stream.ids.size()));
    const std::span<const TokenId> ids(stream.ids);
    std::int64_t bytes = 0;
    for (std::size_t i = 0; i < stream.documents.size() && stream.documents[i].first < end; ++i) {
        const DocumentSpan& document = stream.documents[i];
        const bool is_last = i + 1 == stream.documents.size();
        const auto document_end = is_last ? static_cast<std::int64_t>(ids.size()) : stream.documents[i + 1].first;
        if (document_end <= end) {
            bytes += document.text_bytes;
            continue;
        }
        auto part =
            ids.subspan(static_cast<std::size_t>(document.first), static_cast<std::size_t>(end - document.first));
        if (part.front() == tokenizer.bos()) part = part.subspan(1);
        DWUBIT_ASSIGN(const std::string text, tokenizer.decode(part, false));
        // A character that the cut goes through is decoded as U+FFFD, which may be longer than what is left of it.
        bytes += std::min(static_cast<std::int64_t>(text.size()), document.text_bytes);
    }
    return bytes;
}

}  // namespace dwubit
