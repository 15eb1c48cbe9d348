// Passes over branches against Model::forward on each text alone, and against themselves cut in other ways.
#include "runtime/model/branch_pass.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "support/packed_model.h"
#include "support/temp_folder.h"
#include "support/tiny_model.h"

namespace dwubit {
namespace {

using testing::TempFolder;

using Ids = std::vector<TokenId>;

// A tree of texts in depth-first order.
struct Tree {
    Ids ids;
    std::vector<std::int64_t> positions;
    std::vector<Ids> paths;  // of each row

    void add(std::int64_t position, TokenId id) {
        Ids path;
        if (position > 0) {
            std::size_t parent = paths.size() - 1;
            while (positions[parent] != position - 1) --parent;
            path = paths[parent];
        }
        path.push_back(id);
        ids.push_back(id);
        positions.push_back(position);
        paths.push_back(path);
    }
};

// Ten branches of a beginning of 70, two roots.
Tree sample_tree(std::int64_t vocab) {
    Tree tree;
    std::uint64_t state = 7;
    const auto next = [&] { return static_cast<TokenId>((state = state * 6364136223846793005U + 99) >> 33) % vocab; };
    for (const std::int64_t root : {0, 1}) {
        for (std::int64_t p = 0; p < (root == 0 ? 70 : 3); ++p) tree.add(p, static_cast<TokenId>(next()));
        for (std::int64_t branch = 0; branch < 5; ++branch) {
            const std::int64_t from = root == 0 ? 70 - branch * branch : 2;
            for (std::int64_t p = from; p < from + 3 + branch; ++p) tree.add(p, static_cast<TokenId>(next()));
        }
    }
    return tree;
}

using Rows = std::map<std::int64_t, std::vector<float>>;

// Logits of every `every`-th row of the tree, evaluated `size` rows at a time.
Rows run_tree(const Model& model, const Tree& tree, std::int64_t size, std::int64_t every, ThreadPool& pool) {
    KvCache cache = *KvCache::create(model.config(), 80);
    ForwardBuffers buffers;
    Rows logits;
    const auto total = static_cast<std::int64_t>(tree.ids.size());
    for (std::int64_t r = 0; r < total; r += every) logits[r] = {};
    for (std::int64_t first = 0; first < total; first += size) {
        const auto count = static_cast<std::size_t>(std::min(size, total - first));
        std::vector<std::int64_t> wanted;
        for (std::int64_t r = first; r < first + static_cast<std::int64_t>(count); ++r) {
            if (r % every == 0) wanted.push_back(r - first);
        }
        const PassPart part{&cache, std::span(tree.ids).subspan(static_cast<std::size_t>(first), count),
                            std::span(tree.positions).subspan(static_cast<std::size_t>(first), count)};
        const auto sink = [&](std::int64_t row, std::span<const float> values) {
            logits.at(first + row).assign(values.begin(), values.end());
        };
        const auto result = run_branches(model, {&part, 1}, wanted, sink, buffers, pool);
        EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    }
    return logits;
}

std::vector<float> last_logits(const Model& model, const Ids& ids, ThreadPool& pool) {
    KvCache cache = *KvCache::create(model.config(), static_cast<std::int64_t>(ids.size()));
    std::vector<float> logits;
    const auto sink = [&](std::int64_t, std::span<const float> values) { logits.assign(values.begin(), values.end()); };
    EXPECT_TRUE(model.forward(ids, cache, LogitRows::kLast, sink, pool).ok());
    return logits;
}

Model load(const std::filesystem::path& path, ActType act, ThreadPool& pool) {
    auto model = Model::load(path, act, pool);
    EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
    return std::move(*model);
}

void expect_near_forward(const Model& model, ThreadPool& pool) {
    const Tree tree = sample_tree(model.config().vocab);
    for (const auto& [row, logits] : run_tree(model, tree, 30, 1, pool)) {
        const auto expected = last_logits(model, tree.paths[static_cast<std::size_t>(row)], pool);
        ASSERT_EQ(logits.size(), expected.size());
        float scale = 0;
        for (const float v : expected) scale = std::max(scale, std::abs(v));
        for (std::size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 1e-5 * (1 + scale)) << row;
    }
}

class BranchPassTest : public ::testing::TestWithParam<std::string> {
protected:
    std::filesystem::path source() { return testing::write_tiny_model(GetParam(), folder_ / "m").value(); }

    TempFolder folder_;
    ThreadPool pool_{2};
};

TEST_P(BranchPassTest, LogitsOfEachRowAreThoseOfItsText) {
    expect_near_forward(load(source(), ActType::kF32, pool_), pool_);
}

TEST_P(BranchPassTest, PackedModelsToo) {
    testing::PackedModelOptions options;
    options.params = {{"bits", 4}, {"group", 48}, {"grid", "zero"}, {"perm", true}};
    const auto made = testing::write_packed_model(source(), folder_ / "p", options);
    ASSERT_TRUE(made.ok()) << made.error().message;
    expect_near_forward(load(made->packed, ActType::kF32, pool_), pool_);
}

TEST_P(BranchPassTest, SameBytesForAnyDivisionWantedRowsAndThreads) {
    for (const ActType act : {ActType::kF32, ActType::kBf16}) {
        const Model model = load(source(), act, pool_);
        const Tree tree = sample_tree(model.config().vocab);
        const Rows all = run_tree(model, tree, 1000, 1, pool_);
        ASSERT_EQ(all.size(), tree.ids.size());
        ThreadPool three(3);
        for (const std::int64_t size : {1, 7, 64, 65}) {
            for (const auto& [row, logits] : run_tree(model, tree, size, size == 7 ? 1 : 3, three)) {
                ASSERT_EQ(0, std::memcmp(logits.data(), all.at(row).data(), logits.size() * sizeof(float)))
                    << "row " << row << " in passes of " << size << ", " << act_name(act);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Families, BranchPassTest, ::testing::ValuesIn(testing::tiny_model_names()),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

// Several caches in one pass, one of them copied from another, give what each gives alone.
TEST(BranchPass, PartsHaveCachesOfTheirOwn) {
    TempFolder folder;
    ThreadPool pool(2);
    const Model model = load(testing::write_tiny_model("llama", folder / "m").value(), ActType::kF32, pool);
    const Ids ids = {1, 5, 9, 3, 7, 2};
    const std::vector<std::int64_t> positions = {0, 1, 2, 3, 4, 5};
    ForwardBuffers buffers;
    const auto run = [&](const std::vector<PassPart>& parts, std::vector<std::int64_t> wanted) {
        std::map<std::int64_t, std::vector<float>> logits;
        for (const std::int64_t row : wanted) logits[row] = {};
        const auto sink = [&](std::int64_t row, std::span<const float> values) {
            logits.at(row).assign(values.begin(), values.end());
        };
        EXPECT_TRUE(run_branches(model, parts, wanted, sink, buffers, pool).ok());
        return logits;
    };
    const std::span<const TokenId> all(ids);
    const std::span<const std::int64_t> at(positions);
    KvCache alone = *KvCache::create(model.config(), 6);
    const auto expected = run({{&alone, all, at}}, {3, 5});
    EXPECT_EQ(alone.length(), 6);

    KvCache first = *KvCache::create(model.config(), 6);
    run({{&first, all.first(3), at.first(3)}}, {});
    EXPECT_EQ(first.length(), 3);
    KvCache second = *KvCache::create(model.config(), 8);
    second.copy_from(first, 3);
    run({{&second, all.subspan(3, 2), at.subspan(3, 2)}}, {});
    // Row 0 is text[3] in `first`, row 1 text[5] in `second`.
    const auto both =
        run({{&first, all.subspan(3, 1), at.subspan(3, 1)}, {&second, all.subspan(5), at.subspan(5)}}, {0, 1});
    EXPECT_EQ(both.at(0), expected.at(3));
    EXPECT_EQ(both.at(1), expected.at(5));
    EXPECT_EQ(first.length(), 4);
    EXPECT_EQ(second.length(), 6);
}

TEST(BranchPass, RefusesWhatDoesNotFitAndLeavesTheCacheAlone) {
    TempFolder folder;
    ThreadPool pool(1);
    const Model model = load(testing::write_tiny_model("llama", folder / "m").value(), ActType::kF32, pool);
    KvCache cache = *KvCache::create(model.config(), 2);
    ForwardBuffers buffers;
    const auto run = [&](Ids ids, std::vector<std::int64_t> positions) {
        const PassPart part{&cache, ids, positions};
        return run_branches(
            model, {&part, 1}, {}, [](std::int64_t, std::span<const float>) {}, buffers, pool);
    };
    EXPECT_TRUE(run({1}, {0}).ok());
    EXPECT_NE(run({1, -1}, {1, 1}).error().message.find("token id -1 at place 1"), std::string::npos);
    EXPECT_NE(run({1, 2, 1}, {1, 2, 1}).error().message.find("context of 2"), std::string::npos);
    EXPECT_EQ(cache.length(), 1);
}

}  // namespace
}  // namespace dwubit
