#include "corpus/documents.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "corpus/parquet.h"
#include "json/json.h"

namespace dwubit {
namespace {

constexpr std::size_t kBufferBytes = 1 << 18;
constexpr std::string_view kFirstLine = "line 1, ";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

void drop_byte_order_mark(std::string_view& text) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
}

Error at(const std::string& where, Error error) {
    error.message = where + ": " + error.message;
    return error;
}

// Lines of a source, without their "\n".
class LineReader {
public:
    LineReader(ByteSource& source, std::size_t limit) : source_(source), limit_(limit), buffer_(kBufferBytes) {}

    // false at the end; an unfinished last line counts as one.
    Result<bool> next(std::string& line) {
        line.clear();
        bool any = false;
        while (true) {
            if (begin_ == end_) {
                DWUBIT_ASSIGN(end_, source_.read(buffer_));
                begin_ = 0;
                if (end_ == 0) return any;
            }
            any = true;
            const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
            const std::size_t newline = rest.find('\n');
            const std::string_view part = rest.substr(0, newline);
            if (part.size() > limit_ - line.size()) {
                return errorf(ErrorKind::kInvalidInput, "the line is longer than {} bytes", limit_);
            }
            line.append(part);
            begin_ += part.size();
            if (newline == std::string_view::npos) continue;
            ++begin_;
            return true;
        }
    }

private:
    ByteSource& source_;
    std::size_t limit_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

using LineVisitor = std::function<Result<void>(std::string_view line, const std::string& place)>;

// `parsed`, of a line at `place`. The parser counts lines too, but here there is one, whose number `place` has.
template <class T>
Result<T> object_at(const std::string& place, Result<T> parsed) {
    if (!parsed.ok()) {
        std::string& message = parsed.error().message;
        if (message.starts_with(kFirstLine)) message.erase(0, kFirstLine.size());
        return at(place, std::move(parsed).error());
    }
    if (!parsed->is_object()) return errorf(ErrorKind::kInvalidInput, "{}: the line must be a JSON object", place);
    return parsed;
}

Result<void> read_lines(ByteSource& source, const std::string& where, const LineVisitor& each, std::size_t limit) {
    LineReader lines(source, limit);
    std::string line;
    bool any = false;
    for (std::int64_t number = 1;; ++number) {
        const auto place = [&] { return fmt::format("{}:{}", where, number); };
        auto more = lines.next(line);
        if (!more.ok()) return at(place(), std::move(more).error());
        if (!*more) break;
        std::string_view content = line;
        if (number == 1) drop_byte_order_mark(content);
        if (content.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        DWUBIT_TRY(each(content, place()));
        any = true;
    }
    if (!any) return errorf(ErrorKind::kInvalidInput, "{} has no document", where);
    return {};
}

Result<void> read_text(ByteSource& source, const std::string& where, const DocumentVisitor& each, std::size_t limit) {
    std::string text;
    std::vector<char> buffer(kBufferBytes);
    while (true) {
        const auto count = source.read(buffer);
        if (!count.ok()) return at(where, count.error());
        if (*count == 0) break;
        if (*count > limit - text.size()) {
            return errorf(ErrorKind::kInvalidInput, "{}: a document of more than {} bytes", where, limit)
                .with_hint("give a long text as JSON lines (.jsonl), one document each");
        }
        text.append(buffer.data(), *count);
    }
    std::string_view content = text;
    drop_byte_order_mark(content);
    if (content.empty()) return errorf(ErrorKind::kInvalidInput, "{} has no document", where);
    return each(content);
}

}  // namespace

Result<CorpusFormat> corpus_format(const std::filesystem::path& path) {
    CorpusFormat format;
    std::string name = path.filename().string();
    const auto take_suffix = [&](std::string_view suffix) {
        if (!name.ends_with(suffix)) return false;
        name.resize(name.size() - suffix.size());
        return true;
    };
    if (take_suffix(".gz")) {
        format.compression = Compression::kGzip;
    } else if (take_suffix(".zst")) {
        format.compression = Compression::kZstd;
    }
    if (take_suffix(".jsonl")) {
        format.documents = CorpusFormat::Documents::kJsonLines;
    } else if (format.compression == Compression::kNone && take_suffix(".parquet")) {
        format.documents = CorpusFormat::Documents::kParquet;
    } else if (!take_suffix(".txt")) {
        return errorf(ErrorKind::kUnsupported, "{}: no kind of text file that this build reads", path.string())
            .with_hint(
                fmt::format("supported: .jsonl, .txt, each also .gz or .zst{}", reads_parquet() ? "; .parquet" : ""));
    }
    return format;
}

Result<void> read_documents(ByteSource& source, CorpusFormat::Documents documents, const std::string& where,
                            const std::string& field, const DocumentVisitor& each, const DocumentLimits& limits) {
    DWUBIT_CHECK(documents != CorpusFormat::Documents::kParquet);
    if (documents == CorpusFormat::Documents::kText) return read_text(source, where, each, limits.bytes);
    const auto visit = [&](std::string_view line, const std::string& place) -> Result<void> {
        DWUBIT_ASSIGN(const Json object, object_at(place, parse_json(line)));
        DWUBIT_ASSIGN(const std::string text, Fields(object, place).string(field));
        return each(text);
    };
    return read_lines(source, where, visit, limits.bytes);
}

Result<void> read_json_objects(ByteSource& source, const std::string& where, const ObjectVisitor& each,
                               const DocumentLimits& limits) {
    const auto visit = [&](std::string_view line, const std::string& place) -> Result<void> {
        DWUBIT_ASSIGN(OrderedJson object, object_at(place, parse_ordered_json(line)));
        return each(std::move(object), place);
    };
    return read_lines(source, where, visit, limits.bytes);
}

}  // namespace dwubit
