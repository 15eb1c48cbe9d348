// The lab on a GPU gives what it gives on the CPU, up to the order of float32 sums.
#include <gtest/gtest.h>

#include "hessians/hessian_store.h"
#include "json/json.h"
#include "lab/blocks/e8p_quantizer.h"
#include "lab/blocks/hadamard_transform.h"
#include "lab/blocks/test_matrices.h"
#include "lab/blocks/trellis_quantizer.h"
#include "lab/failure.h"
#include "lab/hessian/hessian.h"
#include "lab/kernels/hyb_table.h"
#include "lab/pipeline/calibrate.h"
#include "lab/pipeline/quantize.h"
#include "lab/torch_compat.h"
#include "runtime/transforms/transform.h"
#include "support/temp_folder.h"

namespace dwubit::lab {
namespace {

using dwubit::testing::TempFolder;

class CudaTest : public ::testing::Test {
protected:
    void SetUp() override {
        if (!at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
        configure_torch();
        std::string text;
        for (int i = 0; i < 400; ++i) text += "Ala ma kota numer " + std::to_string(i * i) + ", a kot ma Alę. ";
        data_ = folder_.write("a.txt", text);
    }

    LabContext context(const std::string& device) {
        return {pool_, no_progress(), device, 0, [](const std::string& line) { ADD_FAILURE() << line; }};
    }

    HessianStore calibrated(const std::string& device, const std::string& dtype) {
        CalibrateRequest request;
        request.model = "models/orlik";
        request.data = data_;
        request.output = folder_ / (device + dtype);
        request.sequences = 4;
        request.length = 512;
        request.dtype = dtype;
        LabContext lab = context(device);
        calibrate(request, lab);
        return unwrap(HessianStore::open(request.output));
    }

    Json quantized(const std::string& method, const std::string& device, const std::filesystem::path& hessians,
                   const std::string& name = "") {
        QuantizeRequest request;
        request.model = "models/orlik";
        request.hessians = hessians;
        request.output = folder_ / (method + "-" + device + name);
        request.method = method;
        LabContext lab = context(device);
        return quantize(request, lab);
    }

    TempFolder folder_;
    std::filesystem::path data_;
    ThreadPool pool_{2};
};

// |a - b| / |b|
double difference(const at::Tensor& a, const at::Tensor& b) {
    return ((a - b).norm() / b.norm()).item<double>();
}

TEST_F(CudaTest, HessiansAgreeWithTheProcessors) {
    for (const auto& [dtype, bound] : {std::pair{"float32", 1e-4}, std::pair{"bfloat16", 3e-2}}) {
        const HessianStore cpu = calibrated("cpu", "float32");
        const HessianStore gpu = calibrated("cuda", dtype);
        ASSERT_EQ(cpu.records().size(), gpu.records().size());
        for (const HessianRecord& record : cpu.records()) {
            EXPECT_LT(
                difference(load_hessian(gpu, record.layer, record.site), load_hessian(cpu, record.layer, record.site)),
                bound)
                << dtype << ", layer " << record.layer << ", " << site_name(record.site);
        }
        std::filesystem::remove_all(folder_ / "cpufloat32");
    }
}

TEST_F(CudaTest, TheSameRunGivesTheSameBytes) {
    const HessianStore first = calibrated("cuda", "float32");
    std::vector<std::string> hashes;
    for (const HessianRecord& record : first.records()) hashes.push_back(record.sha256);
    std::filesystem::remove_all(first.folder());
    const HessianStore second = calibrated("cuda", "float32");
    for (std::size_t i = 0; i < hashes.size(); ++i) EXPECT_EQ(second.records()[i].sha256, hashes[i]) << i;
}

TEST_F(CudaTest, GptqLosesAsMuchAsOnTheProcessor) {
    const HessianStore store = calibrated("cpu", "float32");
    const Json cpu = quantized("gptq", "cpu", store.folder());
    const Json gpu = quantized("gptq", "cuda", store.folder());
    const double ratio = gpu.at("mean_relative_proxy").get<double>() / cpu.at("mean_relative_proxy").get<double>();
    EXPECT_NEAR(ratio, 1.0, 0.01);
}

TEST_F(CudaTest, HadamardTransformsAgreeWithTheProcessors) {
    for (const std::int64_t n : {64, 96, 1792}) {
        const at::Tensor x = testing::gaussian(300, n, 2);
        const std::vector<float> signs = random_signs(3, 4, n);
        const HadamardTransform cpu(signs, at::kCPU, "test");
        const HadamardTransform gpu(signs, parse_device("cuda"), "test");
        EXPECT_LT(difference(gpu.inputs(x.cuda()).cpu(), cpu.inputs(x)), 1e-6) << n;
        EXPECT_LT(difference(gpu.inverse(x.cuda()).cpu(), cpu.inverse(x)), 1e-6) << n;
    }
}

TEST_F(CudaTest, E8pSearchFindsWhatTheProcessorFinds) {
    if (!has_cuda_kernels()) GTEST_SKIP() << "this build has no CUDA kernels (-DDWUBIT_CUDA=ON)";
    for (const int bits : {2, 3, 4}) {
        constexpr std::int64_t kCount = 100003;
        const at::Tensor x = testing::gaussian(8, kCount, 5);
        const E8pQuantizer cpu(bits, 3.45, at::kCPU);
        const E8pQuantizer gpu(bits, 3.45, parse_device("cuda"));
        at::Tensor values = at::empty_like(x);
        at::Tensor codes = at::empty({cpu.code_words(), kCount}, at::kInt);
        cpu.quantize(x, values, codes);
        at::Tensor gpu_values = values.cuda().zero_();
        at::Tensor gpu_codes = codes.cuda().zero_();
        gpu.quantize(x.cuda(), gpu_values, gpu_codes);
        // Ties within float32's rounding may fall to the other side, and lose as much there.
        EXPECT_LT((gpu_codes.cpu() != codes).any(0).sum().item<std::int64_t>(), 20) << bits;
        EXPECT_NEAR((gpu_values.cpu() - x).square().sum().item<double>() / (values - x).square().sum().item<double>(),
                    1, 1e-5);
    }
}

TEST_F(CudaTest, TrellisPathsAreAsGoodAsTheProcessors) {
    if (!has_cuda_kernels()) GTEST_SKIP() << "this build has no CUDA kernels (-DDWUBIT_CUDA=ON)";
    constexpr std::int64_t kRows = 16 * 64;
    const at::Tensor x = testing::gaussian(16, kRows, 6);
    const auto loss_on = [&](TrellisCode code, int bits, const std::string& device) {
        const std::span<const std::uint16_t> table = hyb_table();
        const bool hyb = code == TrellisCode::kHyb;
        const TrellisQuantizer quantizer(code, bits, hyb ? table : table.first(0), parse_device(device));
        const at::Tensor target = x.to(parse_device(device));
        at::Tensor values = at::empty_like(target);
        at::Tensor codes = at::empty({quantizer.code_words(), kRows}, target.options().dtype(at::kInt));
        quantizer.quantize(target, values, codes);
        return (values - target).square().mean().item<double>();
    };
    for (const TrellisCode code : {TrellisCode::k1Mad, TrellisCode::k3Inst, TrellisCode::kMul1, TrellisCode::kHyb}) {
        for (const int bits : {1, 2, 3, 4}) {
            const double ratio = loss_on(code, bits, "cuda") / loss_on(code, bits, "cpu");
            EXPECT_LT(ratio, 1.005) << trellis_code_name(code) << " of " << bits << " bits";
            EXPECT_GT(ratio, 0.97) << trellis_code_name(code) << " of " << bits << " bits";  // finer costs
        }
    }
}

TEST_F(CudaTest, IncoherentMethodsLoseAsMuchAsOnTheProcessorAndTheSameEachTime) {
    if (!has_cuda_kernels()) GTEST_SKIP() << "this build has no CUDA kernels (-DDWUBIT_CUDA=ON)";
    const HessianStore store = calibrated("cpu", "float32");
    for (const std::string method : {"quip-sharp", "qtip"}) {
        const Json cpu = quantized(method, "cpu", store.folder());
        const Json gpu = quantized(method, "cuda", store.folder());
        const double ratio = gpu.at("mean_relative_proxy").get<double>() / cpu.at("mean_relative_proxy").get<double>();
        EXPECT_NEAR(ratio, 1.0, 0.01) << method;
        quantized(method, "cuda", store.folder(), "-again");
        const Json first = unwrap(read_json_file(folder_ / (method + "-cuda") / "dwubit.json"));
        const Json second = unwrap(read_json_file(folder_ / (method + "-cuda-again") / "dwubit.json"));
        EXPECT_EQ(first.at("files"), second.at("files")) << method;
    }
}

}  // namespace
}  // namespace dwubit::lab
