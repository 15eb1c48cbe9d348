// The Viterbi encoder on a CUDA device, code by code; README.md has the rules.
#include <cuda_runtime.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <stdexcept>
#include <vector>

#include "json/json.h"
#include "lab/kernels/viterbi.h"
#include "tests/support/test_trellis.h"

namespace dwubit {
namespace {

struct Options {
    std::vector<std::string> codes = {"mul1", "3inst", "1mad", "hyb"};
    std::vector<int> bits = {1, 2, 3, 4};
    std::int64_t tiles = 4224;
    int repetitions = 9;
};

void check(cudaError_t error) {
    if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}

// Memory of the device for as long as it lives.
template <class T>
class DeviceArray {
public:
    explicit DeviceArray(std::size_t count) { check(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T))); }
    explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
        check(cudaMemcpy(data_, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
    }
    ~DeviceArray() { cudaFree(data_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;
    T* data() const { return data_; }

private:
    T* data_ = nullptr;
};

void run(const Options& options, TrellisCode code, int bits) {
    const testing::TestTrellis test = testing::trellis_of(code, bits);
    const std::vector<float> x = testing::gaussian_tiles(options.tiles, test.rms, 1);
    const DeviceArray<float> values(test.values);
    const DeviceArray<float> numbers(x);
    const std::size_t count = x.size() / static_cast<std::size_t>(test.step_values);
    const DeviceArray<std::uint16_t> states(count);
    const DeviceArray<unsigned char> workspace(viterbi_workspace_bytes(bits, test.step_values));
    cudaEvent_t start{};
    cudaEvent_t end{};
    check(cudaEventCreate(&start));
    check(cudaEventCreate(&end));
    std::vector<double> speeds;
    for (int pass = -1; pass < options.repetitions; ++pass) {  // the first warms up
        check(cudaEventRecord(start));
        const char* const error = viterbi_encode_cuda({bits, test.step_values, values.data()}, numbers.data(),
                                                      options.tiles, states.data(), workspace.data(), nullptr);
        if (error != nullptr) throw std::runtime_error(error);
        check(cudaEventRecord(end));
        check(cudaEventSynchronize(end));
        float milliseconds = 0;
        check(cudaEventElapsedTime(&milliseconds, start, end));
        if (pass >= 0) speeds.push_back(static_cast<double>(options.tiles) / milliseconds * 1e3);
    }
    std::vector<std::uint16_t> found(count);
    check(cudaMemcpy(found.data(), states.data(), count * sizeof(std::uint16_t), cudaMemcpyDeviceToHost));
    std::sort(speeds.begin(), speeds.end());
    fmt::print("{}\n", dump_json(Json{{"encoder", "viterbi_encode_cuda"},
                                      {"code", std::string(trellis_code_name(code))},
                                      {"bits", bits},
                                      {"tiles_per_s", speeds[speeds.size() / 2]},
                                      {"least", speeds.front()},
                                      {"most", speeds.back()},
                                      {"loss", testing::squared_error(test, x, found) / testing::energy(x)}}));
}

void run_all(const Options& options) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, 0));
    fmt::print("{}\n", dump_json(Json{{"device", properties.name}, {"tiles", options.tiles}}));
    for (const std::string& name : options.codes) {
        const Result<TrellisCode> code = trellis_code_from_name(name);
        if (!code.ok()) throw std::runtime_error(code.error().message);
        for (const int bits : options.bits) run(options, *code, bits);
    }
}

}  // namespace
}  // namespace dwubit

int main(int argc, char** argv) {
    CLI::App app("The Viterbi encoder on a CUDA device", "bench_viterbi_cuda");
    dwubit::Options options;
    app.add_option("--code", options.codes, "1mad, 3inst, mul1, hyb; several with a comma")->delimiter(',');
    app.add_option("--bits", options.bits, "per number")->delimiter(',')->check(CLI::Range(1, 4));
    app.add_option("--tiles", options.tiles, "of a call")->check(CLI::Range(1, 1 << 20));
    app.add_option("-r", options.repetitions, "calls")->check(CLI::Range(1, 1000));
    CLI11_PARSE(app, argc, argv);
    try {
        dwubit::run_all(options);
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_viterbi_cuda: {}\n", error.what());
        return 1;
    }
    return 0;
}
