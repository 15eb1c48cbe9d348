// Sums of products against the same sums worked out in float64, one element at a time.
#include "lab/hessian/accumulate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/philox.h"
#include "lab/hessian/hessian.h"
#include "lab/torch_compat.h"

namespace dwubit::lab {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Values around 0.5: sums of products do not cancel.
at::Tensor random_rows(std::int64_t rows, std::int64_t n, std::uint64_t stream) {
    configure_torch();
    at::Tensor values = at::empty({rows, n}, at::kFloat);
    Philox random(7, stream);
    for (std::int64_t i = 0; i < rows * n; ++i) {
        values.data_ptr<float>()[i] = random.next_uniform() + (i % n == 3 ? 1.0f : 0.0f);
    }
    return values;
}

Hessian accumulate(const std::vector<at::Tensor>& chunks, std::int64_t n) {
    HessianSum sum(n, at::kCPU);
    for (const at::Tensor& chunk : chunks) {
        at::Tensor rows = chunk.clone();
        sum.add_sums(clean_rows(rows));
        for (std::int64_t tile = 0; tile < sum.tiles(); ++tile) sum.add_products(tile, rows);
    }
    ThreadPool pool(2);
    return sum.finish(pool);
}

// sum over rows of x[i] x[j] / rows
double expected_at(const at::Tensor& rows, std::int64_t i, std::int64_t j) {
    double sum = 0;
    const std::int64_t n = rows.size(1);
    for (std::int64_t r = 0; r < rows.size(0); ++r) {
        const float* const row = rows.data_ptr<float>() + r * n;
        sum += static_cast<double>(row[i]) * static_cast<double>(row[j]);
    }
    return sum / static_cast<double>(rows.size(0));
}

TEST(HessianSum, EqualsDirectSums) {
    // One tile; several with a ragged end.
    for (const std::int64_t n : {std::int64_t{5}, std::int64_t{256}, std::int64_t{600}, std::int64_t{1100}}) {
        const at::Tensor a = random_rows(700, n, 1);
        const at::Tensor b = random_rows(33, n, 2);
        const Hessian found = accumulate({a, b}, n);
        const at::Tensor all = at::cat({a, b});
        EXPECT_EQ(found.n, n);
        EXPECT_EQ(found.ct, 733);
        EXPECT_EQ(found.nonfinite, 0);
        ASSERT_EQ(found.triangle.size(), static_cast<std::size_t>(n * (n + 1) / 2));
        const at::Tensor mean = all.mean({0}, false, at::kDouble);
        for (std::int64_t i = 0; i<n; i += n> 5 ? 37 : 1) {
            EXPECT_NEAR(found.mu[static_cast<std::size_t>(i)], mean[i].item<double>(), 1e-6);
            for (std::int64_t j = 0; j <= i; ++j) {
                const double expected = expected_at(all, i, j);
                ASSERT_NEAR(found.triangle[static_cast<std::size_t>(i * (i + 1) / 2 + j)], expected, 1e-5 * expected)
                    << n << ": " << i << ", " << j;
            }
        }
    }
}

TEST(HessianSum, ManyChunksLoseNoDigits) {
    // 512 chunks of a thousand rows. A float32 sum of 512 thousand equal terms would end some per cent off; of a
    // thousand, some 1e-5.
    const at::Tensor rows = at::full({1000, 2}, 0.1f, at::kFloat);
    const Hessian found = accumulate(std::vector<at::Tensor>(512, rows), 2);
    const double expected = static_cast<double>(0.1f) * static_cast<double>(0.1f);
    for (const float value : found.triangle) EXPECT_NEAR(value, expected, 5e-5 * expected);
}

TEST(HessianSum, LeavesOutRowsThatAreNotFinite) {
    const std::int64_t n = 300;
    const at::Tensor rows = random_rows(50, n, 3);
    at::Tensor spoiled = rows.clone();
    spoiled[7][299] = kNan;
    spoiled[8][0] = kInfinity;
    spoiled[8][1] = -kInfinity;
    spoiled[49][5] = -kInfinity;
    at::Tensor cleaned = spoiled.clone();
    const RowSums sums = clean_rows(cleaned);
    EXPECT_EQ(sums.rows, 47);
    EXPECT_EQ(sums.nonfinite, 3);
    EXPECT_EQ(sums.first_nonfinite, 7);
    EXPECT_EQ(cleaned[8].abs().sum().item<float>(), 0.0f);
    EXPECT_TRUE(at::equal(cleaned[9], rows[9]));

    const Hessian found = accumulate({spoiled}, n);
    const Hessian expected = accumulate({at::cat({rows.narrow(0, 0, 7), rows.narrow(0, 9, 40)})}, n);
    EXPECT_EQ(found.ct, 47);
    EXPECT_EQ(found.nonfinite, 3);
    for (std::size_t i = 0; i < found.triangle.size(); ++i) {
        ASSERT_NEAR(found.triangle[i], expected.triangle[i], 1e-5 * expected.triangle[i]);
    }
    EXPECT_NEAR(found.mu[0], expected.mu[0], 1e-6);
}

TEST(HessianSum, LargeFiniteValuesAreNoReasonToLeaveRowsOut) {
    at::Tensor rows = at::full({4, 3}, 3e38f, at::kFloat);
    configure_torch();
    EXPECT_EQ(clean_rows(rows).nonfinite, 0);
}

TEST(Hessian, SymmetricMatrixOfATriangle) {
    Hessian hessian;
    hessian.n = 3;
    hessian.triangle = {1, 2, 3, 4, 5, 6};
    const at::Tensor matrix = symmetric_matrix(hessian);
    const at::Tensor expected = at::tensor(std::vector<double>{1, 2, 4, 2, 3, 5, 4, 5, 6}).view({3, 3});
    EXPECT_TRUE(at::equal(matrix, expected));
}

}  // namespace
}  // namespace dwubit::lab
