// The first byte picks JSON lines or text, and plain, gzip or zstd; the rest is the file. Any file is read or refused
// with its name, and a plain file gives the same documents whatever the sizes of the pieces it comes in.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "corpus/byte_source.h"
#include "corpus/documents.h"

namespace {

using Documents = dwubit::CorpusFormat::Documents;

// Ends after some KiB, since a few bytes can be compressed from any amount, and gives at most `piece` bytes at once.
class Bounded : public dwubit::ByteSource {
public:
    Bounded(dwubit::ByteSource& source, std::size_t piece) : source_(source), piece_(piece) {}
    dwubit::Result<std::size_t> read(std::span<char> buffer) override {
        if (left_ == 0) return std::size_t{0};
        auto count = source_.read(buffer.first(std::min({buffer.size(), piece_, left_})));
        if (count.ok()) {
            DWUBIT_CHECK(*count <= left_);
            left_ -= *count;
        }
        return count;
    }

private:
    dwubit::ByteSource& source_;
    std::size_t piece_;
    std::size_t left_ = std::size_t{1} << 18;
};

struct Outcome {
    std::vector<std::string> texts;
    std::string message;
    bool operator==(const Outcome&) const = default;
};

Outcome read(std::span<const std::byte> bytes, dwubit::Compression compression, Documents documents,
             std::size_t piece) {
    Outcome outcome;
    auto source = dwubit::open_byte_source(bytes, compression);
    DWUBIT_CHECK(source.ok());
    Bounded bounded(**source, piece);
    const auto keep = [&](std::string_view text) {
        outcome.texts.emplace_back(text);
        return dwubit::Result<void>();
    };
    dwubit::DocumentLimits limits;
    limits.bytes = std::size_t{1} << 14;
    const auto result = dwubit::read_documents(bounded, documents, "file", "text", keep, limits);
    if (!result.ok()) outcome.message = result.error().message;
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size)).subspan(1);
    const auto compression = static_cast<dwubit::Compression>(data[0] % 3);
    const auto documents = data[0] & 0x80 ? Documents::kText : Documents::kJsonLines;
    const Outcome outcome = read(bytes, compression, documents, std::size_t{1} << 18);
    if (outcome.message.empty()) {
        DWUBIT_CHECK(!outcome.texts.empty());
    } else {
        DWUBIT_CHECK(outcome.message.starts_with("file") && outcome.message.size() < 1024);
        DWUBIT_CHECK(outcome.message.find('\n') == std::string::npos);
    }
    if (documents == Documents::kJsonLines) {
        for (const std::string& text : outcome.texts) DWUBIT_CHECK(!dwubit::find_invalid_utf8(text));
    }
    if (compression == dwubit::Compression::kNone) {
        DWUBIT_CHECK(outcome == read(bytes, compression, documents, 1 + data[0] % 7));
    }
    return 0;
}
