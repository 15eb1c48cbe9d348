#include "base/sha256.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/sha256_blocks.h"

namespace dwubit {
namespace {

// FIPS 180-4 examples and the empty message.
TEST(Sha256, KnownAnswers) {
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256_hex(std::string(1000000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheSameDigestAsTheWhole) {
    const std::string text(300, 'x');
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        Sha256 hash;
        hash.update(std::string_view(text).substr(0, cut));
        hash.update(std::string_view(text).substr(cut));
        Sha256 whole;
        whole.update(text);
        ASSERT_EQ(hash.digest(), whole.digest()) << cut;
    }
}

// The standard's answers above are those of the version in use; both versions agree on any blocks.
TEST(Sha256, VersionsAgree) {
    if (!has_sha_extensions()) GTEST_SKIP() << "this processor has no SHA extensions";
    std::vector<std::byte> blocks(1 + 64 * 9);
    for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i] = static_cast<std::byte>(i * i * 167 + i * 29);
    for (std::size_t count = 0; count <= 9; ++count) {
        std::uint32_t one[8] = {1, 2, 3, 4, 0xfffffffb, 0xfffffffc, 0xfffffffd, 0xfffffffe};
        std::uint32_t two[8] = {1, 2, 3, 4, 0xfffffffb, 0xfffffffc, 0xfffffffd, 0xfffffffe};
        sha256_blocks_ref(one, blocks.data() + 1, count);
        sha256_blocks_shani(two, blocks.data() + 1, count);
        for (int i = 0; i < 8; ++i) ASSERT_EQ(one[i], two[i]) << count;
    }
}

TEST(Sha256, KnownAnswersOfTheReference) {
    // "abc" padded to its one block.
    std::byte block[64] = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}, std::byte{0x80}};
    block[63] = std::byte{24};
    std::uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                              0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    sha256_blocks_ref(state, block, 1);
    EXPECT_EQ(state[0], 0xba7816bfU);
    EXPECT_EQ(state[7], 0xf20015adU);
}

TEST(Sha256, EveryPaddingLengthDiffers) {
    std::string before;
    for (std::size_t size = 0; size < 130; ++size) {
        const auto digest = sha256_hex(std::string(size, 'y'));
        ASSERT_NE(digest, before);
        before = digest;
    }
}

TEST(Sha256, FileEqualsItsText) {
    EXPECT_FALSE(sha256_file("/nonexistent/file").ok());
    EXPECT_EQ(sha256_file("models/orlik/config.json").value().size(), 64u);
}

}  // namespace
}  // namespace dwubit
