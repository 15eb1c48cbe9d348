// .parquet as documents: the rows of one column of strings, or whole rows. parquet.cpp reads it with Apache Arrow C++;
// a build without that (-DDWUBIT_PARQUET=OFF) has parquet_none.cpp, which refuses.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "corpus/documents.h"
#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

bool reads_parquet();

// Calls `each` with the text of every row of column `field`, in order, until it returns an error. `bytes` is the whole
// file, `where` names it in messages. The column is one of strings at the top level of the schema, in any encoding that
// Parquet has for them; other types are refused with the columns that would do. A null is refused with its row, as in
// .jsonl; ill-formed UTF-8 is passed on, as from .txt. In memory at once: one page of the column and its dictionary.
Result<void> read_parquet(std::span<const std::byte> bytes, const std::string& where, const std::string& field,
                          const DocumentVisitor& each, const DocumentLimits& limits = {});

using RowVisitor = std::function<Result<void>(OrderedJson row)>;

// Calls `each` with every row as an object, its columns in the schema's order: booleans, integers, floats, strings,
// lists and structs of them, dictionaries decoded; a null is null. Columns of other types (bytes, times, images) are
// left out, with a warning that names them (base/log.h). In memory at once: one row group.
Result<void> read_parquet_rows(std::span<const std::byte> bytes, const std::string& where, const RowVisitor& each,
                               const DocumentLimits& limits = {});

}  // namespace dwubit
