// The Viterbi encoders, code by code; README.md has the rules.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <vector>

#include "json/json.h"
#include "lab/kernels/viterbi.h"
#include "tests/support/test_trellis.h"

namespace dwubit {
namespace {

struct Options {
    std::vector<std::string> codes = {"mul1", "hyb"};
    std::vector<int> bits = {1, 2, 3, 4};
    std::string level;
    std::int64_t tiles = 64;
    int repetitions = 5;
};

void run(const Options& options, TrellisCode code, int bits, Isa isa) {
    const testing::TestTrellis test = testing::trellis_of(code, bits);
    const std::int64_t tiles = isa == Isa::kRef ? std::min<std::int64_t>(2, options.tiles) : options.tiles;
    const std::vector<float> x = testing::gaussian_tiles(tiles, test.rms, 1);
    std::vector<std::uint16_t> states(x.size());
    std::vector<double> speeds;
    for (int pass = -1; pass < options.repetitions; ++pass) {  // the first warms up
        const auto start = std::chrono::steady_clock::now();
        viterbi_encode(isa)(test.trellis(), x.data(), tiles, states.data());
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        if (pass >= 0) speeds.push_back(static_cast<double>(tiles) / elapsed.count());
    }
    std::sort(speeds.begin(), speeds.end());
    fmt::print("{}\n", dump_json(Json{{"encoder", fmt::format("viterbi_encode_u16_{}", isa_name(isa))},
                                      {"code", std::string(trellis_code_name(code))},
                                      {"bits", bits},
                                      {"tiles_per_s", speeds[speeds.size() / 2]},
                                      {"least", speeds.front()},
                                      {"most", speeds.back()}}));
}

// 0, or 1 after saying what is wrong.
int run_all(const Options& options) {
    const Result<CpuIsa>& isa = process_isa();
    if (!isa.ok()) {
        fmt::print(stderr, "bench_viterbi: {}\n", isa.error().message);
        return 1;
    }
    fmt::print("{}\n", dump_json(Json{{"cpu", cpu_name()}, {"tiles", options.tiles}}));
    for (const std::string& name : options.codes) {
        const Result<TrellisCode> code = trellis_code_from_name(name);
        if (!code.ok()) {
            fmt::print(stderr, "bench_viterbi: {}\n", code.error().message);
            return 1;
        }
        for (const int bits : options.bits) {
            for (const Isa level : {Isa::kRef, Isa::kAvx2, Isa::kAvx512}) {
                if (level > isa->isa || (!options.level.empty() && options.level != isa_name(level))) continue;
                run(options, *code, bits, level);
            }
        }
    }
    return 0;
}

}  // namespace
}  // namespace dwubit

int main(int argc, char** argv) {
    CLI::App app("Viterbi encoders on one thread", "bench_viterbi");
    dwubit::Options options;
    app.add_option("--code", options.codes, "1mad, 3inst, mul1, hyb; several with a comma")->delimiter(',');
    app.add_option("--bits", options.bits, "per number")->delimiter(',')->check(CLI::Range(1, 4));
    app.add_option("--level", options.level, "this one alone")->check(CLI::IsMember({"ref", "avx2", "avx512"}));
    app.add_option("--tiles", options.tiles, "of a call")->check(CLI::Range(1, 1 << 16));
    app.add_option("-r", options.repetitions, "calls")->check(CLI::Range(1, 1000));
    CLI11_PARSE(app, argc, argv);
    return dwubit::run_all(options);
}
