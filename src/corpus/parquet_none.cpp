#include "base/error.h"
#include "corpus/parquet.h"

namespace dwubit {

bool reads_parquet() {
    return false;
}

Result<void> read_parquet(std::span<const std::byte>, const std::string& where, const std::string&,
                          const DocumentVisitor&, const DocumentLimits&) {
    return errorf(ErrorKind::kUnsupported, "{}: this build reads no Parquet", where)
        .with_hint("build with -DDWUBIT_PARQUET=ON, which needs Apache Arrow C++, or write the text as .jsonl");
}

}  // namespace dwubit
