#include "runtime/gemm/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/float16.h"
#include "base/philox.h"
#include "base/thread_pool.h"
#include "runtime/gemm/dense_weight.h"

namespace dwubit {
namespace {

std::vector<float> normal(std::int64_t count, std::uint64_t seed) {
    Philox random(seed);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (auto& v : values) v = to_float(to_bf16(random.next_normal()));  // exact in bf16, so both types see the same
    return values;
}

std::vector<std::uint16_t> as_bf16(const std::vector<float>& values) {
    std::vector<std::uint16_t> bits(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) bits[i] = to_bf16(values[i]).bits;
    return bits;
}

// y = x Wᵀ in double.
std::vector<double> product(const std::vector<float>& x, const std::vector<float>& w, std::int64_t rows, std::int64_t n,
                            std::int64_t k) {
    std::vector<double> y(static_cast<std::size_t>(rows * n));
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t j = 0; j < n; ++j) {
            double sum = 0;
            for (std::int64_t i = 0; i < k; ++i) {
                sum += static_cast<double>(x[static_cast<std::size_t>(r * k + i)]) *
                       w[static_cast<std::size_t>(j * k + i)];
            }
            y[static_cast<std::size_t>(r * n + j)] = sum;
        }
    }
    return y;
}

// x Wᵀ through all units of the product.
std::vector<float> apply(const DenseWeight& weight, const std::vector<float>& x, std::int64_t rows, ThreadPool& pool,
                         bool blocked = false) {
    const std::int64_t n = weight.out_features();
    Activations input;
    input.prepare(rows, weight.in_features(), weight.input(rows, blocked) == GemmType::kF32,
                  weight.input(rows, blocked) == GemmType::kBf16, blocked);
    for (std::int64_t r = 0; r < rows; ++r) {
        input.write(r, 0, x.data() + r * weight.in_features(), weight.in_features());
    }
    std::vector<float> y(static_cast<std::size_t>(rows * n), NAN);
    pool.parallel_for(weight.units(rows), [&](std::int64_t unit) {
        AlignedBuffer<float> room;
        const Panel panel = weight.run_unit(input, unit, room);
        for (std::int64_t r = 0; r < panel.y.rows; ++r) {
            std::copy_n(panel.y.row(r).data(), panel.y.cols, y.data() + (panel.first_row + r) * n + panel.first_column);
        }
    });
    return y;
}

struct Shape3 {
    std::int64_t rows, n, k;
};

// Ragged sizes, one row, one column, more than a block of rows, more than a panel.
const Shape3 kShapes[] = {{1, 1, 1},      {1, 300, 33},  {7, 80, 48},  {64, 256, 64}, {65, 257, 127},
                          {130, 40, 576}, {64, 600, 40}, {3, 513, 64}, {300, 260, 32}};

TEST(DenseWeight, EqualsTheProductInDoubleForEveryTypeAndShape) {
    ThreadPool pool(2);
    for (const GemmType type : {GemmType::kF32, GemmType::kBf16}) {
        if (!active_gemm().supports(type, active_isa())) continue;
        for (const auto [rows, n, k] : kShapes) {
            const auto x = normal(rows * k, 1);
            const auto w = normal(n * k, 2);
            const auto bits = as_bf16(w);
            const TensorView view{"w", DType::kBf16, {n, k}, std::as_bytes(std::span(bits)), "test"};
            auto weight = DenseWeight::pack(view, type);
            ASSERT_TRUE(weight.ok());
            const auto y = apply(*weight, x, rows, pool);
            const auto expected = product(x, w, rows, n, k);
            for (std::size_t i = 0; i < y.size(); ++i) {
                ASSERT_NEAR(y[i], expected[i], 2e-6 * static_cast<double>(k) + 1e-6) << rows << 'x' << n << 'x' << k;
            }
        }
    }
}

TEST(DenseWeight, SameBytesForAnyNumberOfThreads) {
    for (const auto [rows, n, k] : kShapes) {
        const auto x = normal(rows * k, 3);
        const auto w = normal(n * k, 4);
        const TensorView view{"w", DType::kF32, {n, k}, std::as_bytes(std::span(w)), "test"};
        std::vector<std::vector<float>> results;
        for (const int threads : {1, 2, 3}) {
            ThreadPool pool(threads);
            auto weight = DenseWeight::pack(view, GemmType::kF32);
            ASSERT_TRUE(weight.ok());
            results.push_back(apply(*weight, x, rows, pool));
        }
        EXPECT_EQ(0, std::memcmp(results[0].data(), results[1].data(), results[0].size() * 4));
        EXPECT_EQ(0, std::memcmp(results[0].data(), results[2].data(), results[0].size() * 4));
    }
}

// What texts are scored with: a row alone, among many, first or last, gives the same bits.
TEST(DenseWeight, BlockedProductsOfARowDoNotDependOnItsNeighbours) {
    ThreadPool pool(2);
    constexpr std::int64_t kRows = 300;
    for (const GemmType type : {GemmType::kF32, GemmType::kBf16}) {
        if (!active_gemm().supports(type, active_isa())) continue;
        for (const auto& [n, k] : {std::pair<std::int64_t, std::int64_t>{300, 33}, {128, 512}, {64, 1792}, {96, 100}}) {
            const auto x = normal(kRows * k, 9), w = normal(n * k, 10);
            const auto bits = as_bf16(w);
            const TensorView view{"w", DType::kBf16, {n, k}, std::as_bytes(std::span(bits)), "test"};
            const auto weight = DenseWeight::pack(view, type);
            ASSERT_TRUE(weight.ok());
            const auto all = apply(*weight, x, kRows, pool, true);
            const auto expected = product(x, w, kRows, n, k);
            for (std::size_t i = 0; i < all.size(); ++i) {
                ASSERT_NEAR(all[i], expected[i], 2e-6 * static_cast<double>(k) + 1e-6) << n << 'x' << k;
            }
            for (const auto& [first, count] : {std::pair<std::int64_t, std::int64_t>{0, 1},
                                               {37, 1},
                                               {299, 1},
                                               {5, 7},
                                               {63, 2},
                                               {64, 63},
                                               {1, 64},
                                               {100, 65},
                                               {44, 200},
                                               {44, 256}}) {
                const std::vector<float> part(x.begin() + first * k, x.begin() + (first + count) * k);
                const auto y = apply(*weight, part, count, pool, true);
                ASSERT_EQ(0, std::memcmp(y.data(), all.data() + first * n, y.size() * sizeof(float)))
                    << count << " rows from " << first << ", " << n << 'x' << k;
            }
        }
    }
}

TEST(DenseWeight, WidensF16AndReadsUnalignedTensors) {
    ThreadPool pool(1);
    std::vector<std::byte> storage(1 + 2 * 6);
    const float values[] = {1.5f, -2.0f, 0.25f, 3.0f, 0.0f, -1.0f};
    for (std::size_t i = 0; i < 6; ++i) {
        const F16 half = to_f16(values[i]);
        std::memcpy(storage.data() + 1 + 2 * i, &half, 2);
    }
    const TensorView view{"w", DType::kF16, {2, 3}, std::span(storage).subspan(1), "test"};
    auto weight = DenseWeight::pack(view, GemmType::kF32);
    ASSERT_TRUE(weight.ok());
    const auto y = apply(*weight, {1.0f, 2.0f, 4.0f}, 1, pool);
    EXPECT_EQ(y[0], -1.5f);
    EXPECT_EQ(y[1], -1.0f);
}

TEST(Gemm, MultiplyTakesStridesTransposeAndAccumulates) {
    constexpr std::int64_t kM = 5, kN = 9, kK = 13, kPad = 3;
    for (const GemmBackend* backend : {&gemm_ref(), &active_gemm()}) {
        for (const bool transpose : {false, true}) {
            const auto a = normal(kM * (kK + kPad), 5);
            const std::int64_t ldb = (transpose ? kK : kN) + kPad;
            const auto b = normal((transpose ? kN : kK) * ldb, 6);
            std::vector<float> c(kM * (kN + kPad), 2.0f);
            backend->multiply(transpose, kM, kN, kK, a.data(), kK + kPad, b.data(), ldb, true, c.data(), kN + kPad);
            for (std::int64_t r = 0; r < kM; ++r) {
                for (std::int64_t j = 0; j < kN; ++j) {
                    double sum = 2.0;
                    for (std::int64_t i = 0; i < kK; ++i) {
                        const auto bi = static_cast<std::size_t>(transpose ? j * ldb + i : i * ldb + j);
                        sum += static_cast<double>(a[static_cast<std::size_t>(r * (kK + kPad) + i)]) * b[bi];
                    }
                    ASSERT_NEAR(c[static_cast<std::size_t>(r * (kN + kPad) + j)], sum, 1e-4) << backend->name;
                }
                ASSERT_EQ(c[static_cast<std::size_t>(r * (kN + kPad) + kN)], 2.0f) << "wrote past the row";
            }
        }
    }
}

TEST(Gemm, Bf16ProductsOfPlainMatrices) {
    constexpr std::int64_t kM = 64, kN = 48, kK = 80;
    for (const GemmBackend* backend : {&gemm_ref(), &active_gemm()}) {
        if (!backend->supports(GemmType::kBf16, active_isa())) continue;
        for (const bool transpose : {false, true}) {
            const auto a = normal(kM * kK, 7), b = normal(kN * kK, 8);
            std::vector<float> c(kM * kN, 3.0f);
            backend->multiply_bf16(transpose, kM, kN, kK, as_bf16(a).data(), as_bf16(b).data(), true, c.data());
            for (std::int64_t r = 0; r < kM; ++r) {
                for (std::int64_t j = 0; j < kN; ++j) {
                    double sum = 3.0;
                    for (std::int64_t i = 0; i < kK; ++i) {
                        sum += static_cast<double>(a[static_cast<std::size_t>(r * kK + i)]) *
                               b[static_cast<std::size_t>(transpose ? j * kK + i : i * kN + j)];
                    }
                    ASSERT_NEAR(c[static_cast<std::size_t>(r * kN + j)], sum, 1e-4) << backend->name;
                }
            }
        }
    }
}

// The library runs no instruction above the level in force: it says so itself.
TEST(Gemm, LibraryKeepsToTheForcedLevel) {
    const std::string library = active_gemm().describe();
    if (library.find("oneDNN") == std::string::npos) GTEST_SKIP() << "the product library is " << library;
    const char* level = active_isa().isa == Isa::kAvx2 ? " avx2" : " avx512_core";
    EXPECT_NE(library.find(level), std::string::npos) << library;
    EXPECT_EQ(library.find("_amx") != std::string::npos, active_isa().amx_bf16) << library;
}

TEST(Gemm, ForcedReferenceRunsTheReference) {
    if (active_isa().isa == Isa::kRef) {
        EXPECT_STREQ(active_gemm().name, "ref");
    } else if (detail::configured_gemm() != nullptr) {
        EXPECT_STREQ(active_gemm().name, detail::configured_gemm()->name);
    }
}

}  // namespace
}  // namespace dwubit
