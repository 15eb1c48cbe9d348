// The kernel tables, row by row, beside memcpy; README.md has the rules.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "base/float16.h"
#include "base/philox.h"
#include "json/json.h"
#include "runtime/formats/format.h"
#include "runtime/gemm/dense_weight.h"

namespace dwubit {
namespace {

constexpr std::int64_t kOut = 4096;
constexpr std::int64_t kIn = 2048;
constexpr std::int64_t kUnit = 256;

struct Options {
    std::string filter;
    std::string params;
    std::int64_t megabytes = 256;
    std::int64_t rows = 1;
    int threads = 0;
    int repetitions = 5;
};

// Seconds of each pass: unit(i) for i < count, on `threads` threads.
template <class Unit>
std::vector<double> measure(const Options& options, std::int64_t count, const Unit& unit) {
    std::vector<double> seconds;
    for (int pass = -1; pass < options.repetitions; ++pass) {  // the first warms up
        std::atomic<std::int64_t> next{0};
        const auto start = std::chrono::steady_clock::now();
        std::vector<std::jthread> threads;
        for (int t = 0; t < options.threads; ++t) {
            threads.emplace_back([&] {
                for (std::int64_t i = next++; i < count; i = next++) unit(i);
            });
        }
        threads.clear();
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        if (pass >= 0) seconds.push_back(elapsed.count());
    }
    std::sort(seconds.begin(), seconds.end());
    return seconds;
}

double memcpy_speed(const Options& options) {
    const auto size = static_cast<std::size_t>(options.megabytes) << 20;
    const std::vector<char> from(size, 1);
    std::vector<char> to(size, 2);
    constexpr std::size_t kParts = 64;
    const auto seconds = measure(options, kParts, [&](std::int64_t i) {
        const std::size_t first = static_cast<std::size_t>(i) * (size / kParts);
        std::memcpy(to.data() + first, from.data() + first, size / kParts);
    });
    return static_cast<double>(size) / seconds[seconds.size() / 2];
}

void print(const Options& options, const std::string& name, const std::string& params, double bytes, double weights,
           const std::vector<double>& seconds, double memory) {
    const double middle = seconds[seconds.size() / 2];
    fmt::print("{}\n", dump_json(Json{{"kernel", name},
                                      {"params", params},
                                      {"rows", options.rows},
                                      {"threads", options.threads},
                                      {"gb_per_s", bytes / middle / 1e9},
                                      {"gb_per_s_least", bytes / seconds.back() / 1e9},
                                      {"gb_per_s_most", bytes / seconds.front() / 1e9},
                                      {"gweights_per_s", weights * static_cast<double>(options.rows) / middle / 1e9},
                                      {"of_memcpy", bytes / middle / memory}}));
    std::fflush(stdout);
}

std::vector<float> random_inputs(std::int64_t count) {
    Philox random(3);
    std::vector<float> x(static_cast<std::size_t>(count));
    for (float& value : x) value = random.next_normal();
    return x;
}

// Random codes in the first parameters that a method would use; fields by their dtype.
Codes random_codes(const Format& format, const Json& params) {
    Codes codes{{kOut, kIn}, params, {}};
    Philox random(1);
    for (const FieldSpec& spec : format.code_fields(params, codes.shape)) {
        Field field = make_field(spec);
        if (spec.dtype == DType::kF16) {
            for (F16& value : field.as<F16>()) value = to_f16(random.next_normal() * 0.01f);
        } else if (spec.dtype == DType::kF32) {
            for (float& value : field.as<float>()) value = 0.01f;
        } else if (spec.dtype == DType::kU16) {
            for (std::uint16_t& value : field.as<std::uint16_t>())
                value = static_cast<std::uint16_t>(random.next_u32());
        } else if (spec.dtype == DType::kU32 && spec.name == "codes") {
            for (std::uint32_t& value : field.as<std::uint32_t>()) {
                value = static_cast<std::uint32_t>(random.next_below(spec.limit));
            }
        } else if (spec.dtype == DType::kU8) {
            for (std::uint8_t& value : field.as<std::uint8_t>()) {
                value = static_cast<std::uint8_t>(random.next_below(spec.limit == 0 ? 256 : spec.limit));
            }
        }
        codes.fields.push_back(std::move(field));
    }
    return codes;
}

void run_format(const Options& options, const Format& format, double memory) {
    for (const Json& params : format.test_params({kOut, kIn})) {
        if (dump_json(params).find(options.params) == std::string::npos) continue;
        if (params.value("perm", false) || params.value("group", 128) != 128) continue;
        const Result<PackedTensor> packed = format.pack(random_codes(format, params));
        if (!packed.ok()) continue;
        double bytes = 0;
        for (const Field& buffer : packed->buffers) bytes += static_cast<double>(buffer.bytes.size());
        const auto copies = static_cast<std::int64_t>(static_cast<double>(options.megabytes << 20) / bytes) + 1;
        const std::vector<PackedTensor> matrices(static_cast<std::size_t>(copies), *packed);
        std::vector<std::unique_ptr<FormatReader>> readers;
        for (const PackedTensor& matrix : matrices) readers.push_back(format.bind(view_of(matrix)).value());
        for (const FormatKernel& kernel : format.kernels) {
            if (kernel.product == nullptr || kernel.isa == Isa::kRef) continue;
            if (!runs_on(active_isa(), kernel.isa, kernel.needs)) continue;
            if (kernel.unsupported != nullptr && !kernel.unsupported(params, {kOut, kIn}).empty()) continue;
            const std::string name = kernel.name;
            if (name.find(options.filter) == std::string::npos) continue;
            const std::vector<float> x = random_inputs(options.rows * kIn);
            const std::size_t row_bytes = kernel.arranged_bytes(readers[0]->matrix());
            AlignedBuffer<std::byte> arranged(row_bytes * static_cast<std::size_t>(options.rows));
            for (std::int64_t r = 0; r < options.rows; ++r) {
                kernel.arrange(readers[0]->matrix(), x.data() + r * kIn,
                               arranged.data() + row_bytes * static_cast<std::size_t>(r));
            }
            constexpr std::int64_t kUnits = kOut / kUnit;
            const auto seconds = measure(options, copies * kUnits, [&](std::int64_t i) {
                thread_local std::vector<float> y(FormatKernel::kMaxRows * kUnit);
                kernel.product(readers[static_cast<std::size_t>(i / kUnits)]->matrix(), arranged.data(), options.rows,
                               i % kUnits * kUnit, kUnit, y.data());
            });
            const auto all = static_cast<double>(copies);
            print(options, name, dump_json(params), bytes * all, all * kOut * kIn, seconds, memory);
        }
    }
}

void run_dense(const Options& options, double memory) {
    for (const DenseKernelRow& row : dense_kernels()) {
        const std::string name = row.name;
        if (row.isa == Isa::kRef || !runs_on(active_isa(), row.isa, row.needs)) continue;
        if (name.find(options.filter) == std::string::npos) continue;
        const auto size = static_cast<std::int64_t>(dtype_size(row.weight));
        const std::int64_t units = (options.megabytes << 20) / (kUnit * kIn * size);
        const std::vector<std::byte> w(static_cast<std::size_t>(units * kUnit * kIn * size));
        const std::vector<float> x(static_cast<std::size_t>(options.rows * kIn));
        const auto seconds = measure(options, units, [&](std::int64_t i) {
            thread_local std::vector<float> y(FormatKernel::kMaxRows * kUnit);
            row.product(w.data() + i * kUnit * kIn * size, kIn, x.data(), options.rows, kUnit, y.data());
        });
        print(options, name, "", static_cast<double>(w.size()), static_cast<double>(units * kUnit * kIn), seconds,
              memory);
    }
}

}  // namespace
}  // namespace dwubit

int main(int argc, char** argv) {
    CLI::App app("Kernels of the tables alone", "bench_kernels");
    dwubit::Options options;
    app.add_option("--filter", options.filter, "rows whose name contains this");
    app.add_option("--params", options.params, "formats' parameters whose JSON contains this");
    app.add_option("--mb", options.megabytes, "size of the weights")->check(CLI::Range(1, 1 << 14));
    app.add_option("--rows", options.rows, "of activations")->check(CLI::Range(1, 8));
    app.add_option("-t,--threads", options.threads, "0 = all cores")->check(CLI::Range(0, 1024));
    app.add_option("-r", options.repetitions, "passes")->check(CLI::Range(1, 1000));
    CLI11_PARSE(app, argc, argv);
    if (options.threads == 0) options.threads = static_cast<int>(std::thread::hardware_concurrency());
    if (!dwubit::process_isa().ok()) {
        fmt::print(stderr, "bench_kernels: {}\n", dwubit::process_isa().error().message);
        return 1;
    }
    const double memory = dwubit::memcpy_speed(options);
    fmt::print("{}\n", dwubit::dump_json(dwubit::Json{{"cpu", dwubit::cpu_name()},
                                                      {"isa", dwubit::to_string(dwubit::active_isa())},
                                                      {"threads", options.threads},
                                                      {"memcpy_gb_per_s", memory / 1e9}}));
    for (const dwubit::Format* format : dwubit::formats()) run_format(options, *format, memory);
    dwubit::run_dense(options, memory);
    return 0;
}
