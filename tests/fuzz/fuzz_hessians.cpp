// What a Hessian store is read from, by the input's first byte: 0 a site's file, 1 hessians.json, 2 an importance
// matrix.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "hessians/hessian_file.h"
#include "hessians/imatrix.h"

namespace {

using dwubit::HessianParts;

void check_error(const dwubit::Error& error) {
    DWUBIT_CHECK(!error.message.empty() && error.message.size() < 4096);
}

void read_site(std::span<const std::byte> bytes) {
    const auto header = dwubit::parse_hessian_file(bytes, "fuzz", HessianParts::kHeader);
    const auto file = dwubit::parse_hessian_file(bytes, "fuzz", HessianParts::kAll);
    DWUBIT_CHECK(header.ok() == file.ok());
    if (!file.ok()) return check_error(file.error());
    const dwubit::Hessian& hessian = file->hessian;
    DWUBIT_CHECK((hessian.triangle.size() + hessian.mu.size()) * sizeof(float) <= bytes.size());
    if (const auto good = dwubit::check_hessian(hessian, "fuzz"); !good.ok()) check_error(good.error());
    DWUBIT_CHECK(dwubit::describe_hessian(file->layer, file->site, hessian).n == hessian.n);
}

// What is read and written again reads the same.
void read_manifest(const std::string& text) {
    const auto json = dwubit::parse_json(text);
    if (!json.ok()) return;
    auto manifest = dwubit::parse_hessian_manifest(*json, "fuzz");
    if (!manifest.ok()) return check_error(manifest.error());
    const std::string again = dwubit::manifest_text(*manifest, dwubit::Json::object());
    const auto second = dwubit::parse_hessian_manifest(dwubit::parse_json(again).value(), "again");
    DWUBIT_CHECK(second.ok());
    DWUBIT_CHECK(dwubit::manifest_text(*second, dwubit::Json::object()) == again);
}

void read_imatrix(std::span<const std::byte> bytes) {
    const auto imatrix = dwubit::parse_imatrix(bytes, "fuzz");
    if (!imatrix.ok()) return check_error(imatrix.error());
    std::size_t values = 0;
    for (const dwubit::ImatrixEntry& entry : imatrix->entries) values += entry.values.size();
    DWUBIT_CHECK(values * sizeof(float) < bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    // A copy of the exact size, so that the address sanitizer sees a read past the end.
    const std::vector<std::uint8_t> copy(data + 1, data + size);
    const auto bytes = std::as_bytes(std::span(copy));
    switch (data[0] % 3) {
        case 0:
            read_site(bytes);
            break;
        case 1:
            read_manifest(std::string(copy.begin(), copy.end()));
            break;
        default:
            read_imatrix(bytes);
    }
    return 0;
}
