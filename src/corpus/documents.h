// The documents in a stream of bytes: JSON lines, or the whole as one. Parquet is no stream: parquet.h.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "corpus/byte_source.h"
#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

struct CorpusFormat {
    enum class Documents { kJsonLines, kText, kParquet };
    Documents documents = Documents::kText;
    Compression compression = Compression::kNone;
};

// By the name's end; other names are refused with the list of those that are known.
Result<CorpusFormat> corpus_format(const std::filesystem::path& path);

// What is kept in memory at once is bounded: a compressed file can hold any amount of text.
struct DocumentLimits {
    std::size_t bytes = std::size_t{256} << 20;        // of a line of JSON lines, a text file, or a row of Parquet
    std::size_t parquet_bytes = std::size_t{1} << 30;  // of a page of Parquet and its dictionary, unpacked
};

using DocumentVisitor = std::function<Result<void>(std::string_view text)>;

// Calls `each` with every document, in order, until it returns an error. `where` names the file in messages.
// `documents` is not kParquet.
Result<void> read_documents(ByteSource& source, CorpusFormat::Documents documents, const std::string& where,
                            const std::string& field, const DocumentVisitor& each, const DocumentLimits& limits = {});

// `place` is "<where>:<line>".
using ObjectVisitor = std::function<Result<void>(OrderedJson object, const std::string& place)>;

// JSON lines as whole objects, members in the file's order; otherwise as read_documents().
Result<void> read_json_objects(ByteSource& source, const std::string& where, const ObjectVisitor& each,
                               const DocumentLimits& limits = {});

}  // namespace dwubit
