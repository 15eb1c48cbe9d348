// A packed matrix as a stranger's file describes it: any parameters and shape, any buffers. What check_packed() accepts
// can be bound, decoded and unpacked without reading outside; what bind() accepts gives finite values.
//
// Input: a line of JSON {"format", "version", "shape", "params", "buffers": [{"name", "dtype", "shape", "bytes":
// count}]}, then the bytes of the buffers one after the other. "bytes" may be left out: then it is what dtype and shape
// ask for.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/check.h"
#include "runtime/formats/format.h"

namespace {

using dwubit::Json;
using dwubit::Shape;

constexpr std::int64_t kMaxWeights = 1 << 16;

std::optional<Shape> read_shape(const Json& json) {
    Shape shape;
    if (!json.is_array()) return std::nullopt;
    for (const Json& extent : json) {
        if (!extent.is_number_integer()) return std::nullopt;
        shape.push_back(extent.get<std::int64_t>());
    }
    return shape;
}

// Takes the next `count` bytes of `data`, fewer where it ends.
std::vector<std::byte> take(std::string_view& data, std::size_t count) {
    count = std::min(count, data.size());
    const auto* const begin = reinterpret_cast<const std::byte*>(data.data());
    data.remove_prefix(count);
    return {begin, begin + count};
}

// The buffers are vectors of exactly their size, so that reading past one is seen.
std::optional<dwubit::PackedTensor> read_packed(std::string_view input) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    const auto json = dwubit::parse_json(input.substr(0, end));
    if (!json.ok() || !json->is_object()) return std::nullopt;
    std::string_view data = input.substr(std::min(end + 1, input.size()));
    const dwubit::Fields fields(*json, "input");
    const auto format = fields.string("format");
    const auto version = fields.integer("version", 0, 100);
    const auto shape = read_shape(json->value("shape", Json()));
    const auto buffers = fields.array("buffers");
    if (!format.ok() || !version.ok() || !shape || !buffers.ok()) return std::nullopt;
    dwubit::PackedTensor packed{*format, static_cast<int>(*version), *shape, json->value("params", Json()), {}};
    for (const Json& buffer : **buffers) {
        const dwubit::Fields members(buffer, "buffer");
        const auto name = members.string("name");
        const auto dtype_name = members.string("dtype");
        const auto size = read_shape(buffer.is_object() ? buffer.value("shape", Json()) : Json());
        if (!name.ok() || !dtype_name.ok() || !size) return std::nullopt;
        const auto dtype = dwubit::dtype_from_name(*dtype_name);
        if (!dtype.ok()) return std::nullopt;
        std::int64_t elements = 0;
        if (!dwubit::element_count(*size, &elements)) return std::nullopt;
        const std::size_t wanted =
            std::min<std::uint64_t>(static_cast<std::uint64_t>(elements), input.size()) * dwubit::dtype_size(*dtype);
        const auto bytes = members.integer("bytes", 0, 1 << 20, static_cast<std::int64_t>(wanted));
        if (!bytes.ok()) return std::nullopt;
        packed.buffers.push_back({*name, *dtype, *size, take(data, static_cast<std::size_t>(*bytes))});
    }
    return packed;
}

void decode(const dwubit::Format& format, const dwubit::PackedView& view) {
    const auto reader = format.bind(view);
    const auto codes = format.unpack(view);
    if (!reader.ok()) {
        DWUBIT_CHECK(!reader.error().message.empty() && reader.error().message.size() < 1024);
        return;
    }
    const std::int64_t in = view.shape[1];
    std::vector<float> row(static_cast<std::size_t>(in));
    for (std::int64_t r = 0; r < view.shape[0]; ++r) {
        (*reader)->dequantize(r, 1, row.data());
        for (const float value : row) DWUBIT_CHECK(std::isfinite(value));
    }
    DWUBIT_CHECK(codes.ok());
    const auto again = format.pack(*codes);
    DWUBIT_CHECK(again.ok() && check_packed(format, view_of(*again), "again").ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto packed = read_packed({reinterpret_cast<const char*>(data), size});
    if (!packed) return 0;
    const auto format = dwubit::find_format(packed->format, packed->version);
    if (!format.ok()) return 0;
    const dwubit::PackedView view = view_of(*packed);
    const auto checked = check_packed(**format, view, "input");
    if (!checked.ok()) {
        DWUBIT_CHECK(!checked.error().message.empty() && checked.error().message.size() < 1024);
        return 0;
    }
    std::int64_t weights = 0;
    DWUBIT_CHECK(dwubit::element_count(view.shape, &weights));
    if (weights <= kMaxWeights) decode(**format, view);
    return 0;
}
