// .parquet as documents: the rows of one column of strings. parquet.cpp reads it with Apache Arrow C++; a build without
// that (-DDWUBIT_PARQUET=OFF) has parquet_none.cpp, which refuses.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "corpus/documents.h"
#include "dwubit/result.h"

namespace dwubit {

bool reads_parquet();

// Calls `each` with the text of every row of column `field`, in order, until it returns an error. `bytes` is the whole
// file, `where` names it in messages. The column is one of strings at the top level of the schema, in any encoding that
// Parquet has for them; other types are refused with the columns that would do. A null is refused with its row, as in
// .jsonl; ill-formed UTF-8 is passed on, as from .txt. In memory at once: one page of the column and its dictionary.
Result<void> read_parquet(std::span<const std::byte> bytes, const std::string& where, const std::string& field,
                          const DocumentVisitor& each, const DocumentLimits& limits = {});

}  // namespace dwubit
