// parse_json on any text: no crash, and what it accepts survives dump_json and a second parse.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "json/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = dwubit::parse_json(text);
    if (!parsed.ok()) {
        DWUBIT_CHECK(!parsed.error().message.empty() && parsed.error().message.size() < 1024);
        return 0;
    }
    const auto again = dwubit::parse_json(dwubit::dump_json(*parsed));
    DWUBIT_CHECK(again.ok() && *again == *parsed);

    dwubit::JsonLimits flat;
    flat.max_depth = 2;
    const auto shallow = dwubit::parse_json(text, flat);
    DWUBIT_CHECK(!shallow.ok() || *shallow == *parsed);
    return 0;
}
