// Prompt tokens per second of a model as a share of the machine's GEMM rate for the model's shapes; README.md has the
// rules.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "bench/prompt/library_gemm.h"
#include "json/json.h"
#include "runtime/model/model.h"

namespace dwubit {
namespace {

double seconds_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<const Linear*> linears_of(const Model& model) {
    std::vector<const Linear*> all;
    for (const LayerWeights& l : model.layers()) {
        all.insert(all.end(), {&l.q, &l.k, &l.v, &l.o, &l.gate, &l.up, &l.down});
    }
    return all;
}

struct Figures {
    double forward = 1e30;  // seconds, best of the repetitions
    double units = 1e30;    // the linears alone, cut into dwubit's units
    double library = 1e30;  // the linears alone, by the library's own threads; stays 1e30 without oneDNN
};

Result<Figures> measure(const Model& model, std::int64_t prompt, int repetitions, ThreadPool& pool) {
    DWUBIT_ASSIGN(KvCache cache, KvCache::create(model.config(), prompt));
    std::vector<TokenId> ids(static_cast<std::size_t>(prompt));
    for (std::size_t i = 0; i < ids.size(); ++i)
        ids[i] = static_cast<TokenId>((i * 37 + 11) % static_cast<std::size_t>(model.config().vocab));
    const auto linears = linears_of(model);
    // One input per linear's width, in both forms.
    std::map<std::int64_t, Activations> inputs;
    for (const Linear* l : linears) {
        Activations& input = inputs[l->in_features()];
        if (input.rows() > 0) continue;
        input.prepare(prompt, l->in_features(), true, true);
        const std::vector<float> row(static_cast<std::size_t>(l->in_features()), 0.5f);
        for (std::int64_t r = 0; r < prompt; ++r) input.write(r, 0, row.data(), l->in_features());
    }
    bench::LibraryGemm library(linears, prompt, model.act(), pool.size());
    Figures figures;
    Result<void> outcome;
    for (int i = 0; i < repetitions; ++i) {
        // The library's threads go on spinning for a few milliseconds after a call.
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        figures.forward =
            std::min(figures.forward, seconds_of([&] {
                         cache.truncate(0);
                         outcome = model.forward(
                             ids, cache, LogitRows::kLast, [](std::int64_t, std::span<const float>) {}, pool);
                     }));
        DWUBIT_TRY(std::move(outcome));
        figures.units = std::min(figures.units, seconds_of([&] {
                                     for (const Linear* l : linears) {
                                         pool.parallel_for(l->units(prompt), [&](std::int64_t unit) {
                                             thread_local AlignedBuffer<float> room;
                                             l->run_unit(inputs[l->in_features()], unit, room);
                                         });
                                     }
                                 }));
        if (library.available()) figures.library = std::min(figures.library, seconds_of([&] { library.run(); }));
    }
    return figures;
}

Result<Json> run(const std::string& path, const std::string& act_text, std::int64_t prompt, int threads,
                 int repetitions) {
    ThreadPool pool(threads);
    DWUBIT_ASSIGN(const ActType act, act_from_name(act_text));
    DWUBIT_ASSIGN(const Model model, Model::load(path, act, pool));
    DWUBIT_ASSIGN(const Figures figures, measure(model, prompt, repetitions, pool));
    double flop = 0;
    for (const Linear* l : linears_of(model)) {
        flop += 2.0 * static_cast<double>(prompt * l->in_features() * l->out_features());
    }
    const double library = figures.library < 1e29 ? figures.library : figures.units;
    return Json{{"cpu", cpu_name()},
                {"threads", pool.size()},
                {"kernel", model.layers().front().q.kernel().name},
                {"isa", model.layers().front().q.kernel().isa},
                {"prompt", prompt},
                {"tokens_per_second", static_cast<double>(prompt) / figures.forward},
                {"gemm_gflops_units", flop / figures.units / 1e9},
                {"gemm_gflops_library", figures.library < 1e29 ? Json(flop / figures.library / 1e9) : Json()},
                {"ratio", library / figures.forward},
                {"ratio_to_units", figures.units / figures.forward}};
}

}  // namespace
}  // namespace dwubit

int main(int argc, char** argv) {
    CLI::App app("Prompt speed against the machine's GEMM rate", "bench_prompt");
    std::string model;
    std::string act = "f32";
    std::int64_t prompt = 512;
    int threads = 0;
    int repetitions = 15;
    app.add_option("model", model, "model folder")->required();
    app.add_option("--act", act, "f32|bf16");
    app.add_option("-p,--prompt", prompt, "tokens")->check(CLI::Range(1, 1 << 20));
    app.add_option("-t,--threads", threads, "0 = all cores")->check(CLI::Range(0, 4096));
    app.add_option("-r,--repetitions", repetitions)->check(CLI::Range(1, 10000));
    CLI11_PARSE(app, argc, argv);
    const auto result = dwubit::run(model, act, prompt, threads, repetitions);
    if (!result.ok()) {
        fmt::print(stderr, "bench_prompt: {}\n", result.error().message);
        return 1;
    }
    fmt::print("{}\n", dwubit::dump_json(*result));
    return 0;
}
