#include "runtime/ops/attention/path_attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/philox.h"

namespace dwubit {
namespace {

std::vector<float> normal(std::int64_t count, std::uint64_t seed) {
    Philox random(seed);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (auto& v : values) v = random.next_normal();
    return values;
}

// Two caches of 6 positions, eleven rows: two trees on the first cache, one on the second.
struct Problem {
    AttentionShape shape;
    std::int64_t capacity = 6;
    std::vector<float> cached_keys[2], cached_values[2], keys, values, q;
    RowPaths paths;

    explicit Problem(AttentionShape shape_) : shape(shape_) {
        const std::int64_t kv = shape.kv_heads * shape.head_dim;
        for (std::uint64_t c = 0; c < 2; ++c) {
            cached_keys[c] = normal(kv * capacity, 1 + c);
            cached_values[c] = normal(kv * capacity, 3 + c);
        }
        keys = normal(11 * kv, 5), values = normal(11 * kv, 6);
        q = normal(11 * shape.heads * shape.head_dim, 7);
        paths.append(0, std::vector<std::int64_t>{4, 5, 6, 6, 7, 5, 2, 3});
        paths.append(1, std::vector<std::int64_t>{0, 1, 1});
    }

    // Rows of the pass that row r has behind it in its cache's first `cached` positions.
    struct Path {
        std::size_t cache;
        std::int64_t cached;
        std::vector<std::int64_t> rows;
    };
    static Path path(std::int64_t row) {
        static const Path kPaths[] = {{0, 4, {0}},          {0, 4, {0, 1}}, {0, 4, {0, 1, 2}}, {0, 4, {0, 1, 3}},
                                      {0, 4, {0, 1, 3, 4}}, {0, 4, {0, 5}}, {0, 2, {6}},       {0, 2, {6, 7}},
                                      {1, 0, {8}},          {1, 0, {8, 9}}, {1, 0, {8, 10}}};
        return kPaths[row];
    }

    // The definition, on the row's path copied to one place.
    std::vector<float> expected(std::int64_t row) const {
        const Path p = path(row);
        const std::int64_t length = p.cached + static_cast<std::int64_t>(p.rows.size());
        const std::int64_t dim = shape.head_dim;
        std::vector<float> k, v;
        for (std::int64_t g = 0; g < shape.kv_heads; ++g) {
            const auto copy = [&](const std::vector<float>& from, std::int64_t at, std::vector<float>& to) {
                to.insert(to.end(), from.begin() + at, from.begin() + at + dim);
            };
            for (std::int64_t i = 0; i < p.cached; ++i) {
                copy(cached_keys[p.cache], (g * capacity + i) * dim, k);
                copy(cached_values[p.cache], (g * capacity + i) * dim, v);
            }
            for (const std::int64_t r : p.rows) {
                copy(keys, (r * shape.kv_heads + g) * dim, k);
                copy(values, (r * shape.kv_heads + g) * dim, v);
            }
        }
        const std::int64_t width = shape.heads * dim;
        std::vector<float> out(static_cast<std::size_t>(width));
        attention_ref(shape, {q.data() + row * width, 1, width}, {k.data(), v.data(), length}, length - 1,
                      {out.data(), 1, width});
        return out;
    }

    std::vector<float> solve(const std::vector<std::int64_t>& rows, ThreadPool& pool) const {
        const std::int64_t width = shape.heads * shape.head_dim;
        std::vector<float> chosen;
        for (const std::int64_t r : rows) {
            chosen.insert(chosen.end(), q.begin() + r * width, q.begin() + (r + 1) * width);
        }
        const auto count = static_cast<std::int64_t>(rows.size());
        const KvView caches[] = {{cached_keys[0].data(), cached_values[0].data(), capacity},
                                 {cached_keys[1].data(), cached_values[1].data(), capacity}};
        Activations out;
        out.prepare(count, width, true, false);
        const std::int64_t kv = shape.kv_heads * shape.head_dim;
        path_attention(shape, {chosen.data(), count, width}, rows, paths, caches, {keys.data(), 11, kv},
                       {values.data(), 11, kv}, out, pool);
        const auto* data = static_cast<const float*>(out.data(GemmType::kF32, 0));
        return {data, data + count * width};
    }
};

TEST(PathAttention, EqualsTheDefinitionOnEachRowsPath) {
    ThreadPool pool(2);
    for (const AttentionShape shape : {AttentionShape{4, 2, 16}, AttentionShape{3, 1, 10}, AttentionShape{2, 2, 80}}) {
        const Problem problem(shape);
        const std::vector<std::int64_t> all = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
        const auto out = problem.solve(all, pool);
        const auto width = static_cast<std::size_t>(shape.heads * shape.head_dim);
        for (const std::int64_t row : all) {
            const auto expected = problem.expected(row);
            for (std::size_t i = 0; i < width; ++i) {
                ASSERT_NEAR(out[static_cast<std::size_t>(row) * width + i], expected[i], 5e-6) << "row " << row;
            }
        }
    }
}

TEST(PathAttention, SomeRowsOnAnyNumberOfThreadsGiveTheSameBytes) {
    const Problem problem({4, 2, 16});
    ThreadPool one(1), three(3);
    const auto all = problem.solve({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, one);
    const std::vector<std::int64_t> some = {1, 4, 5, 9};
    const auto part = problem.solve(some, three);
    for (std::size_t i = 0; i < some.size(); ++i) {
        EXPECT_TRUE(std::equal(part.data() + i * 64, part.data() + i * 64 + 64, all.data() + some[i] * 64)) << some[i];
    }
}

}  // namespace
}  // namespace dwubit
