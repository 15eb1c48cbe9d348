#include "base/sha256.h"

#include <gtest/gtest.h>

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
