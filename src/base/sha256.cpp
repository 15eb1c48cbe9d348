#include "base/sha256.h"

#include <cstring>

#include "base/mapped_file.h"
#include "base/sha256_blocks.h"

namespace dwubit {
namespace {

void add_blocks(std::uint32_t* state, const std::byte* blocks, std::size_t count) {
    static const Sha256Blocks kBest = has_sha_extensions() ? sha256_blocks_shani : sha256_blocks_ref;
    kBest(state, blocks, count);
}

std::string hex(const std::array<std::uint8_t, 32>& digest) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t byte : digest) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

}  // namespace

Sha256::Sha256()
    : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

void Sha256::update(std::span<const std::byte> bytes) {
    total_ += bytes.size();
    while (!bytes.empty()) {
        if (buffered_ == 0 && bytes.size() >= 64) {
            const std::size_t count = bytes.size() / 64;
            add_blocks(state_.data(), bytes.data(), count);
            bytes = bytes.subspan(64 * count);
            continue;
        }
        const std::size_t take = std::min(bytes.size(), 64 - buffered_);
        std::memcpy(buffer_.data() + buffered_, bytes.data(), take);
        buffered_ += take;
        bytes = bytes.subspan(take);
        if (buffered_ == 64) {
            add_blocks(state_.data(), buffer_.data(), 1);
            buffered_ = 0;
        }
    }
}

void Sha256::update(std::string_view text) {
    update(std::as_bytes(std::span(text)));
}

std::array<std::uint8_t, 32> Sha256::digest() {
    const std::uint64_t bits = total_ * 8;
    static constexpr std::array<std::byte, 64> kPadding = {std::byte{0x80}};
    update(std::span(kPadding).first(1 + (119 - buffered_) % 64));
    std::array<std::byte, 8> length;
    for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<std::byte>(bits >> (56 - 8 * i));
    update(length);
    std::array<std::uint8_t, 32> out;
    for (std::size_t i = 0; i < 32; ++i) out[i] = static_cast<std::uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
    return out;
}

std::string Sha256::hex_digest() {
    return hex(digest());
}

std::string sha256_hex(std::span<const std::byte> bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.hex_digest();
}

std::string sha256_hex(std::string_view text) {
    return sha256_hex(std::as_bytes(std::span(text)));
}

Result<std::string> sha256_file(const std::filesystem::path& path) {
    DWUBIT_ASSIGN(const auto file, MappedFile::open(path));
    return sha256_hex(file.bytes());
}

}  // namespace dwubit
