#include "runtime/ops/attention/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/philox.h"
#include "runtime/ops/attention/kv_rows.h"

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
const Case kCases[] = {{{4, 4, 16}, 1, 0},  {{8, 2, 64}, 1, 700}, {{8, 2, 64}, 15, 250}, {{3, 1, 12}, 7, 1021},
                       {{8, 2, 64}, 70, 0}, {{6, 2, 10}, 130, 5}, {{4, 1, 32}, 65, 250}, {{2, 2, 128}, 3, 255}};

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

// A problem's cache in another type, and the same values widened again.
struct Stored {
    Stored(const Problem& p, KvType type) {
        const std::int64_t dim = p.shape.head_dim;
        const auto bytes = static_cast<std::size_t>(kv_vector_bytes(type, dim) - kv_vector_bytes(type, 0));
        const std::size_t vectors = p.keys.size() / static_cast<std::size_t>(dim);
        for (const bool of_keys : {true, false}) {
            auto& to = of_keys ? keys : values;
            auto& scales = of_keys ? key_scales : value_scales;
            to.resize(vectors * bytes);
            scales.resize(vectors);
            const float* from = of_keys ? p.keys.data() : p.values.data();
            for (std::size_t i = 0; i < vectors; ++i, from += dim) {
                store_kv(type, from, dim, to.data() + i * bytes, &scales[i]);
            }
        }
        view = {keys.data(), values.data(), p.capacity, type, key_scales.data(), value_scales.data()};
        widen(p);
    }

    void widen(const Problem& p) {
        AlignedBuffer<float> room;
        for (std::int64_t g = 0; g < p.shape.kv_heads; ++g) {
            const float* k = key_rows(view, g, 0, p.capacity, p.shape.head_dim, room);
            wide_keys.insert(wide_keys.end(), k, k + p.capacity * p.shape.head_dim);
            const float* v = value_rows(view, g, 0, p.capacity, p.shape.head_dim, room);
            wide_values.insert(wide_values.end(), v, v + p.capacity * p.shape.head_dim);
        }
    }

    std::vector<std::byte> keys, values;
    std::vector<float> key_scales, value_scales, wide_keys, wide_values;
    KvView view;
};

TEST(Attention, OfACacheInAnotherTypeIsThatOfItsValues) {
    ThreadPool pool(2);
    // Relative to the largest magnitude of a vector.
    for (const auto& [type, error] : {std::pair(KvType::kF32, 0.0), std::pair(KvType::kBf16, 1.0 / 256),
                                      std::pair(KvType::kF16, 1.0 / 2048), std::pair(KvType::kInt8, 0.5001 / 127)}) {
        for (const Case& c : kCases) {
            const Problem problem(c);
            const Stored stored(problem, type);
            const double largest = *std::max_element(problem.keys.begin(), problem.keys.end());
            EXPECT_LE(worst_difference(stored.wide_keys, problem.keys), 2 * error * largest);
            EXPECT_EQ(worst_difference(stored.wide_values, problem.values) > 0, type != KvType::kF32);
            std::vector<float> expected(problem.q.size());
            attention_ref(c.shape, {problem.q.data(), c.rows, problem.width},
                          {stored.wide_keys.data(), stored.wide_values.data(), problem.capacity}, c.first,
                          {expected.data(), c.rows, problem.width});
            const auto out =
                run(c.shape, {problem.q.data(), c.rows, problem.width}, stored.view, c.first, GemmType::kF32, pool);
            EXPECT_LE(worst_difference(out, expected), 5e-6) << kv_type_name(type) << ' ' << c.rows << '@' << c.first;
        }
    }
}

TEST(Attention, TypesOfCachesHaveNames) {
    for (const char* name : {"f32", "bf16", "f16", "int8"}) EXPECT_EQ(kv_type_name(*kv_type_from_name(name)), name);
    EXPECT_FALSE(kv_type_from_name("int4").ok());
    EXPECT_EQ(kv_vector_bytes(KvType::kInt8, 64), 68);
    EXPECT_EQ(kv_vector_bytes(KvType::kBf16, 64), 128);
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
