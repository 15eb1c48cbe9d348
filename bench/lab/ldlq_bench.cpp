// Trellis encoding inside LDLQ against the encoder alone, on one device in one run; README.md has the rules.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <vector>

#include "json/json.h"
#include "lab/blocks/ldlq.h"
#include "lab/blocks/trellis_quantizer.h"
#include "lab/failure.h"
#include "lab/kernels/hyb_table.h"
#include "lab/torch_compat.h"

namespace dwubit::lab {
namespace {

struct Options {
    std::string device = "cuda";
    std::string code = "mul1";
    int bits = 2;
    std::int64_t rows = 14336;
    std::int64_t columns = 4096;
    int repetitions = 5;
};

template <class Work>
double median_seconds(const Options& options, at::Device device, const Work& work) {
    std::vector<double> seconds;
    for (int pass = -1; pass < options.repetitions; ++pass) {  // the first warms up
        synchronize(device);
        const auto start = std::chrono::steady_clock::now();
        work();
        synchronize(device);
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        if (pass >= 0) seconds.push_back(elapsed.count());
    }
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
}

void run(const Options& options) {
    const at::Device device = parse_device(options.device);
    const TrellisCode code = unwrap(trellis_code_from_name(options.code));
    const auto table =
        code == TrellisCode::kHyb ? std::span<const std::uint16_t>(hyb_table()) : std::span<const std::uint16_t>();
    const TrellisQuantizer quantizer(code, options.bits, table, device);
    at::manual_seed(1);
    const auto floats = at::TensorOptions(at::kFloat).device(device);
    const at::Tensor weight = at::randn({options.rows, options.columns}, floats) * quantizer.rms();
    // The Hessian of correlated inputs.
    const at::Tensor inputs = at::randn({2 * options.columns, options.columns}, floats).to(at::kDouble) +
                              at::randn({2 * options.columns, 1}, floats).to(at::kDouble);
    const BlockFeedback feedback = make_block_feedback(at::mm(inputs.t(), inputs) / static_cast<double>(inputs.size(0)),
                                                       kTrellisTile, 0.01, /*sweeps=*/false, "bench_ldlq");
    const double inside = median_seconds(options, device, [&] { quantize_blocks(weight, feedback, quantizer, 0); });
    // The same tiles in one call.
    const std::int64_t tiles = options.rows * options.columns / kTrellisTileSize;
    const at::Tensor target = weight.view({kTrellisTile, tiles * kTrellisTile});
    at::Tensor values = at::empty_like(target);
    at::Tensor words = at::empty({quantizer.code_words(), tiles * kTrellisTile}, target.options().dtype(at::kInt));
    const double alone = median_seconds(options, device, [&] { quantizer.quantize(target, values, words); });
    const auto count = static_cast<double>(tiles);
    fmt::print("{}\n", dump_json(Json{{"device", options.device},
                                      {"code", options.code},
                                      {"bits", options.bits},
                                      {"rows", options.rows},
                                      {"columns", options.columns},
                                      {"tiles_per_s_inside", count / inside},
                                      {"tiles_per_s_alone", count / alone},
                                      {"ratio", alone / inside}}));
}

}  // namespace
}  // namespace dwubit::lab

int main(int argc, char** argv) {
    CLI::App app("Trellis encoding inside LDLQ against the encoder alone", "bench_ldlq");
    dwubit::lab::Options options;
    app.add_option("--device", options.device, "cpu, cuda");
    app.add_option("--code", options.code, "1mad, 3inst, mul1, hyb");
    app.add_option("--bits", options.bits, "per weight")->check(CLI::Range(1, 4));
    app.add_option("--rows", options.rows, "multiples of 16")->check(CLI::Range(16, 1 << 17));
    app.add_option("--columns", options.columns, "multiples of 16")->check(CLI::Range(16, 1 << 15));
    app.add_option("-r", options.repetitions, "runs")->check(CLI::Range(1, 100));
    CLI11_PARSE(app, argc, argv);
    try {
        dwubit::lab::run(options);
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_ldlq: {}\n", error.what());
        return 1;
    }
    return 0;
}
