// PtFile::parse on any bytes: accepted values lie inside the file, and a Hessian read from it is finite.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "checkpoint/pt.h"
#include "hessians/quip.h"

namespace {

void check_value(const dwubit::PtFile& pt, const dwubit::PtValue& value, std::span<const std::byte> file) {
    std::int64_t count = 0;
    if (value.kind == dwubit::PtKind::kTensor) {
        DWUBIT_CHECK(dwubit::element_count(value.shape, &count));
        DWUBIT_CHECK(static_cast<std::size_t>(count) * dwubit::dtype_size(value.dtype) == value.bytes.size());
    }
    if (!value.bytes.empty()) {
        DWUBIT_CHECK(value.bytes.data() >= file.data());
        DWUBIT_CHECK(value.bytes.data() + value.bytes.size() <= file.data() + file.size());
    }
    for (const std::uint32_t item : value.items) static_cast<void>(pt.value(item).kind);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // A copy of the exact size, so that the address sanitizer sees a read past the end.
    const std::vector<std::uint8_t> copy(data, data + size);
    const auto file = std::as_bytes(std::span(copy));
    const auto pt = dwubit::PtFile::parse(file, "fuzz.pt");
    if (!pt.ok()) {
        DWUBIT_CHECK(pt.error().message.starts_with("fuzz.pt: ") && pt.error().message.size() < 2048);
        return 0;
    }
    check_value(*pt, pt->root(), file);
    for (const std::uint32_t item : pt->root().items) check_value(*pt, pt->value(item), file);
    const auto read = dwubit::read_quip_hessian(*pt, "fuzz");
    if (read.ok()) DWUBIT_CHECK(dwubit::check_hessian(read->hessian, "fuzz").ok());
    return 0;
}
