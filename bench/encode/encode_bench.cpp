// Encoders of ggml's block types, beside llama.cpp's own where its library is given; README.md has the rules.
#include <dlfcn.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/philox.h"
#include "ggml/block_type.h"
#include "json/json.h"

namespace dwubit {
namespace {

constexpr std::int64_t kColumns = 2048;

struct Options {
    std::vector<std::string> types = {"IQ2_XXS", "Q2_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "Q4_0", "Q5_0", "Q8_0"};
    std::string ggml;
    std::int64_t rows = 64;
    int repetitions = 5;
};

// ggml_quantize_chunk(type, weights, out, first weight, rows, columns, importance)
using QuantizeChunk = std::size_t (*)(int, const float*, void*, std::int64_t, std::int64_t, std::int64_t, const float*);

template <class Work>
double seconds_of(const Work& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void run(const Options& options, const BlockType& type, QuantizeChunk peer) {
    Philox random(1);
    std::vector<float> weights(static_cast<std::size_t>(options.rows * kColumns));
    std::vector<float> importance(kColumns);
    for (float& weight : weights) weight = 0.02f * random.next_normal();
    for (float& value : importance) value = std::exp(random.next_normal());
    const std::int64_t blocks = kColumns / type.weights;
    const std::int64_t row_bytes = blocks * type.bytes;
    std::vector<std::byte> ours(static_cast<std::size_t>(options.rows * row_bytes));
    std::vector<std::byte> theirs(ours.size());
    std::vector<double> our_seconds;
    std::vector<double> their_seconds;
    for (int pass = -1; pass < options.repetitions; ++pass) {  // the first warms up
        const double own = seconds_of([&] {
            for (std::int64_t r = 0; r < options.rows; ++r) {
                type.encode(weights.data() + r * kColumns, blocks, importance.data(), ours.data() + r * row_bytes);
            }
        });
        if (pass >= 0) our_seconds.push_back(own);
        if (peer == nullptr) continue;
        const double other = seconds_of([&] {
            peer(static_cast<int>(type.id), weights.data(), theirs.data(), 0, options.rows, kColumns,
                 importance.data());
        });
        if (pass >= 0) their_seconds.push_back(other);
    }
    const double million = static_cast<double>(weights.size()) / 1e6;
    Json row = {{"type", type.name}, {"million_weights_per_s", million / median(our_seconds)}};
    if (peer != nullptr) {
        row["llama_cpp"] = million / median(their_seconds);
        row["ratio"] = median(their_seconds) / median(our_seconds);
        row["same_bytes"] = ours == theirs;
    }
    fmt::print("{}\n", dump_json(row));
}

// 0, or 1 after saying what is wrong.
int run_all(const Options& options) {
    QuantizeChunk peer = nullptr;
    if (!options.ggml.empty()) {
        void* const library = dlopen(options.ggml.c_str(), RTLD_NOW);
        if (library != nullptr) peer = reinterpret_cast<QuantizeChunk>(dlsym(library, "ggml_quantize_chunk"));
        if (peer == nullptr) {
            fmt::print(stderr, "bench_encode: {}\n", dlerror());
            return 1;
        }
    }
    for (const std::string& name : options.types) {
        const BlockType* const type = find_block_type(name);
        if (type == nullptr || type->encode == nullptr) {
            fmt::print(stderr, "bench_encode: --type {}: no encoder\n", name);
            return 1;
        }
        run(options, *type, peer);
    }
    return 0;
}

}  // namespace
}  // namespace dwubit

int main(int argc, char** argv) {
    CLI::App app("Encoders of ggml's block types on one thread", "bench_encode");
    dwubit::Options options;
    app.add_option("--type", options.types, "ggml's names; several with a comma")->delimiter(',');
    app.add_option("--ggml", options.ggml, "libggml-base.so of llama.cpp, to take turns with");
    app.add_option("--rows", options.rows, "of 2048 weights")->check(CLI::Range(1, 1 << 16));
    app.add_option("-r", options.repetitions, "passes")->check(CLI::Range(1, 1000));
    CLI11_PARSE(app, argc, argv);
    return dwubit::run_all(options);
}
