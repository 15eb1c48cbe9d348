#include "runtime/transforms/hadamard/orders.h"

#include <gtest/gtest.h>

#include "base/sha256.h"

namespace dwubit {
namespace {

// The matrices of QuIP#'s and QTIP's tables: the first digits of SHA-256 over '1' for +1 and '0' for -1, row by row.
struct Fingerprint {
    int order;
    const char* digits;
};
constexpr Fingerprint kFingerprints[] = {
    {12, "32808f48d141ddb1"},  {20, "111767ae6d82a326"},  {28, "8a1fc1451ba66fe3"},  {36, "6348b60444f67d86"},
    {52, "4a7e63f837076439"},  {60, "fa7ea987d59c9209"},  {108, "9d551573f91ec273"}, {116, "f29468f3277dc4ee"},
    {124, "3899a6632ccdd31b"}, {140, "b5d7685692aa642c"}, {156, "76bd51db75e226ae"}, {172, "8b8f8fa7ee35fc87"}};

void expect_hadamard(const SignMatrix& matrix) {
    const int n = matrix.order;
    ASSERT_EQ(matrix.entries.size(), static_cast<std::size_t>(n) * static_cast<std::size_t>(n));
    for (const std::int8_t value : matrix.entries) ASSERT_EQ(value * value, 1);
    for (int i = 0; i < n; ++i) {
        for (int j = 0; j <= i; ++j) {
            int dot = 0;
            for (int k = 0; k < n; ++k) dot += matrix.at(i, k) * matrix.at(j, k);
            ASSERT_EQ(dot, i == j ? n : 0) << "order " << n << ", rows " << i << " and " << j;
        }
    }
}

TEST(HadamardOrders, AreThoseOfPublishedCheckpoints) {
    for (const auto& [order, digits] : kFingerprints) {
        const SignMatrix* matrix = hadamard_matrix(order);
        ASSERT_NE(matrix, nullptr) << order;
        std::string text;
        for (const std::int8_t value : matrix->entries) text += value > 0 ? '1' : '0';
        EXPECT_EQ(sha256_hex(text).substr(0, 16), digits) << order;
        expect_hadamard(*matrix);
    }
}

TEST(HadamardOrders, FillTheGaps) {
    for (const int order : {24, 44, 68, 72, 76, 80, 84, 100, 132, 148, 164, 180, 244, 368, 500}) {
        const SignMatrix* matrix = hadamard_matrix(order);
        ASSERT_NE(matrix, nullptr) << order;
        expect_hadamard(*matrix);
    }
    EXPECT_EQ(hadamard_matrix(92), nullptr);
    EXPECT_EQ(hadamard_matrix(188), nullptr);
    for (const int none : {0, 1, 2, 4, 8, 10, 14, 64, 516}) EXPECT_EQ(hadamard_matrix(none), nullptr) << none;
}

TEST(HadamardOrders, OnlyTwoOfTheOfficialOnesAreSymmetric) {
    for (const auto& [order, digits] : kFingerprints) {
        const SignMatrix& matrix = *hadamard_matrix(order);
        bool symmetric = true;
        for (int i = 0; i < order; ++i) {
            for (int j = 0; j < i; ++j) symmetric = symmetric && matrix.at(i, j) == matrix.at(j, i);
        }
        EXPECT_EQ(symmetric, order == 28 || order == 36) << order;
    }
}

TEST(HadamardSizes, AreFactoredAsQuipSharpDoes) {
    struct Case {
        std::int64_t n;
        int order;
        int log2;
    };
    for (const auto& [n, order, log2] :
         {Case{4096, 1, 12}, Case{14336, 28, 9}, Case{28672, 28, 10}, Case{11008, 172, 6}, Case{22016, 172, 7},
          Case{5120, 20, 8}, Case{15360, 60, 8}, Case{13824, 108, 7}, Case{27648, 108, 8}, Case{6144, 12, 9},
          Case{12288, 12, 10}, Case{10240, 20, 9}, Case{3584, 28, 7}, Case{8960, 140, 6}, Case{576, 36, 4},
          Case{1792, 28, 6}, Case{1, 1, 0}, Case{2, 1, 1}, Case{12, 12, 0},
          // not in QuIP#'s code
          Case{5632, 44, 7}, Case{18944, 148, 7}, Case{9728, 76, 7}, Case{17408, 68, 8}, Case{25600, 100, 8},
          Case{23 * 64, 368, 2}}) {
        const auto size = hadamard_size(n);
        ASSERT_TRUE(size.has_value()) << n;
        EXPECT_EQ(size->order, order) << n;
        EXPECT_EQ(size->log2, log2) << n;
    }
}

TEST(HadamardSizes, ThatHaveNoneSayWhichDo) {
    for (const std::int64_t n : {3, 6, 7, 10920, 13696, 92}) {
        const auto size = require_hadamard_size(n);
        ASSERT_FALSE(size.ok()) << n;
        EXPECT_EQ(size.error().kind, ErrorKind::kUnsupported);
        EXPECT_NE(size.error().message.find("size " + std::to_string(n)), std::string::npos) << size.error().message;
        EXPECT_NE(size.error().hint.find("the nearest sizes"), std::string::npos) << size.error().hint;
    }
    EXPECT_NE(require_hadamard_size(10920).error().hint.find("10752 and 11008"), std::string::npos)
        << require_hadamard_size(10920).error().hint;
    EXPECT_FALSE(require_hadamard_size(0).ok());
    EXPECT_FALSE(require_hadamard_size(-4).ok());
}

}  // namespace
}  // namespace dwubit
