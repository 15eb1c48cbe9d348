#include "runtime/ops/attention/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/philox.h"

namespace dwubit {
namespace {

std::vector<float> normal(std::int64_t count, std::uint64_t seed, float scale) {
    Philox random(seed);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (auto& v : values) v = scale * random.next_normal();
    return values;
}

// attention() into a plain array.
std::vector<float> run(const AttentionShape& shape, MatrixView<const float> q, const KvView& cache, std::int64_t first,
                       GemmType type, ThreadPool& pool) {
    Activations out;
    out.prepare(q.rows, q.cols, true, false);
    attention(shape, q, cache, first, type, out, pool);
    const auto* data = static_cast<const float*>(out.data(GemmType::kF32, 0));
    return {data, data + q.rows * q.cols};
}

struct Case {
    AttentionShape shape;
    std::int64_t rows, first;
};

// Decode, ragged tiles, several key blocks, group sizes 1, 3 and 4, odd head sizes.
const Case kCases[] = {{{4, 4, 16}, 1, 0},   {{8, 2, 64}, 1, 700},  {{8, 2, 64}, 70, 0},
                       {{6, 2, 10}, 130, 5}, {{4, 1, 32}, 65, 250}, {{2, 2, 128}, 3, 255}};

// Random queries and a cache for a case, and the answer by the definition.
struct Problem {
    explicit Problem(const Case& c)
        : shape(c.shape),
          rows(c.rows),
          first(c.first),
          capacity(first + rows + 3),
          width(shape.heads * shape.head_dim),
          q(normal(rows * width, 1, 2.0f)),
          keys(normal(shape.kv_heads * capacity * shape.head_dim, 2, 1.0f)),
          values(normal(shape.kv_heads * capacity * shape.head_dim, 3, 1.0f)),
          expected(q.size()) {
        attention_ref(shape, {q.data(), rows, width}, cache(), first, {expected.data(), rows, width});
    }

    KvView cache() const { return {keys.data(), values.data(), capacity}; }
    std::vector<float> solve(GemmType type, ThreadPool& pool) const {
        return run(shape, {q.data(), rows, width}, cache(), first, type, pool);
    }

    AttentionShape shape;
    std::int64_t rows, first, capacity, width;
    std::vector<float> q, keys, values, expected;
};

double worst_difference(const std::vector<float>& a, const std::vector<float>& b) {
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) worst = std::max<double>(worst, std::abs(a[i] - b[i]));
    return worst;
}

TEST(Attention, EqualsTheDefinitionOnAnyNumberOfThreads) {
    ThreadPool two(2), one(1);
    for (const Case& c : kCases) {
        const Problem problem(c);
        const auto out = problem.solve(GemmType::kF32, two);
        EXPECT_LE(worst_difference(out, problem.expected), 5e-6) << c.rows << '@' << c.first;
        const auto serial = problem.solve(GemmType::kF32, one);
        EXPECT_EQ(0, std::memcmp(serial.data(), out.data(), out.size() * sizeof(float)));
    }
}

TEST(Attention, Bf16ProductsStayNearTheDefinition) {
    if (!active_gemm().supports(GemmType::kBf16, active_isa())) GTEST_SKIP() << "no bf16 products here";
    ThreadPool pool(2);
    for (const Case& c : kCases) {
        const Problem problem(c);
        const double worst = worst_difference(problem.solve(GemmType::kBf16, pool), problem.expected);
        EXPECT_LE(worst, 0.05) << c.rows << '@' << c.first;
        EXPECT_EQ(worst > 1e-5, c.rows >= 16) << "few rows run in float32, others must not";
    }
}

TEST(Attention, LaterPositionsAreNotRead) {
    ThreadPool pool(1);
    const AttentionShape shape{2, 1, 8};
    auto keys = normal(20 * 8, 2, 1.0f);
    auto values = normal(20 * 8, 3, 1.0f);
    const auto q = normal(5 * 16, 1, 1.0f);
    const auto before = run(shape, {q.data(), 5, 16}, {keys.data(), values.data(), 20}, 10, GemmType::kF32, pool);
    for (std::size_t i = 15 * 8; i < keys.size(); ++i) keys[i] = values[i] = 1e30f;
    const auto after = run(shape, {q.data(), 5, 16}, {keys.data(), values.data(), 20}, 10, GemmType::kF32, pool);
    EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace dwubit
