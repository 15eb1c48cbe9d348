#include "base/error.h"
#include "corpus/parquet.h"

namespace dwubit {

bool reads_parquet() {
    return false;
}

namespace {

Error no_parquet(const std::string& where) {
    return errorf(ErrorKind::kUnsupported, "{}: this build reads no Parquet", where)
        .with_hint("build with -DDWUBIT_PARQUET=ON, which needs Apache Arrow C++, or write the text as .jsonl");
}

}  // namespace

Result<void> read_parquet(std::span<const std::byte>, const std::string& where, const std::string&,
                          const DocumentVisitor&, const DocumentLimits&) {
    return no_parquet(where);
}

Result<void> read_parquet_rows(std::span<const std::byte>, const std::string& where, const RowVisitor&,
                               const DocumentLimits&) {
    return no_parquet(where);
}

}  // namespace dwubit
