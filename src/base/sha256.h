// SHA-256 (FIPS 180-4): names models, tokenizers, corpora and artefacts in manifests. Not used for security.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "dwubit/result.h"

namespace dwubit {

class Sha256 {
public:
    Sha256();
    void update(std::span<const std::byte> bytes);
    void update(std::string_view text);
    std::array<std::uint8_t, 32> digest();  // call once
    std::string hex_digest();               // digest() as 64 lower-case hexadecimal digits

private:
    std::array<std::uint32_t, 8> state_;
    std::array<std::byte, 64> buffer_{};
    std::size_t buffered_ = 0;
    std::uint64_t total_ = 0;
};

// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view text);
std::string sha256_hex(std::span<const std::byte> bytes);
Result<std::string> sha256_file(const std::filesystem::path& path);

}  // namespace dwubit
