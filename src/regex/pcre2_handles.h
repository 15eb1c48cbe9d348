// PCRE2's handles with owners, its texts and messages: what every user of the library needs. 8-bit units, UTF-8.
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace dwubit {

// pcre2_set_heap_limit(): a match gives up above it.
inline constexpr std::uint32_t kRegexHeapKibibytes = 64 << 10;

struct FreeCompileContext {
    void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
};
struct FreeMatchData {
    void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct FreeMatchContext {
    void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

inline PCRE2_SPTR pcre2_units(std::string_view text) {
    return reinterpret_cast<PCRE2_SPTR>(text.data());
}

inline std::string pcre2_message(int code) {
    std::array<PCRE2_UCHAR, 256> buffer{};
    const int length = pcre2_get_error_message(code, buffer.data(), buffer.size());
    return length < 0 ? fmt::format("error {}", code) : std::string(reinterpret_cast<const char*>(buffer.data()));
}

}  // namespace dwubit
