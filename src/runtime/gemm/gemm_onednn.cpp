// oneDNN's matmul. One primitive per shape, made on first use.
#include <dnnl.h>
#include <omp.h>

#include <algorithm>
#include <dnnl.hpp>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <tuple>
#include <unordered_map>

#include "base/check.h"
#include "base/error.h"
#include "runtime/cpu/aligned_buffer.h"
#include "runtime/gemm/gemm.h"

namespace dwubit {
namespace {

using Memory = dnnl::memory;

// oneDNN runs on OpenMP; the number of threads is a property of the calling thread, put back for whoever else uses it.
class SingleThread {
public:
    SingleThread() : before_(omp_get_max_threads()) {
        if (before_ != 1) omp_set_num_threads(1);
    }
    ~SingleThread() {
        if (before_ != 1) omp_set_num_threads(before_);
    }
    SingleThread(const SingleThread&) = delete;
    SingleThread& operator=(const SingleThread&) = delete;

private:
    int before_;
};

dnnl::cpu_isa isa_limit(const CpuIsa& isa) {
    if (isa.isa == Isa::kAvx2) return dnnl::cpu_isa::avx2;
    if (isa.amx_bf16) return dnnl::cpu_isa::avx512_core_amx;
    return isa.avx512_bf16 ? dnnl::cpu_isa::avx512_core_bf16 : dnnl::cpu_isa::avx512_core;
}

// The engine, made after the library's instruction set is limited to ours: oneDNN takes the limit only before first
// use.
const dnnl::engine& cpu_engine() {
    static const dnnl::engine engine = [] {
        dnnl::set_max_cpu_isa(isa_limit(active_isa()));
        return dnnl::engine(dnnl::engine::kind::cpu, 0);
    }();
    return engine;
}

Memory::data_type data_type(GemmType type) {
    return type == GemmType::kBf16 ? Memory::data_type::bf16 : Memory::data_type::f32;
}

Memory::desc row_major(Memory::dim rows, Memory::dim cols, Memory::data_type type, Memory::dim stride) {
    return {{rows, cols}, type, Memory::dims{stride, 1}};
}

// Primitives by shape, made on first use and kept: making one compiles its code, which takes part of a millisecond.
template <class Key, class Value>
class PrimitiveCache {
public:
    template <class Make>
    const Value& get(const Key& key, const Make& make) {
        {
            const std::shared_lock lock(mutex_);
            if (const auto found = values_.find(key); found != values_.end()) return *found->second;
        }
        const std::unique_lock lock(mutex_);
        auto& entry = values_[key];
        if (!entry) entry = std::make_unique<Value>(make());
        return *entry;
    }

private:
    std::map<Key, std::unique_ptr<Value>> values_;
    std::shared_mutex mutex_;
};

// The calling thread's workspace for one call.
void* thread_scratchpad(const Memory::desc& description) {
    thread_local AlignedBuffer<std::byte> buffer;
    return buffer.reserve(description.get_size());
}

// Held while a primitive is made: TSan does not see the locks inside the library.
std::scoped_lock<std::mutex> creation_lock() {
    static std::mutex mutex;
    return std::scoped_lock(mutex);
}

struct Product {
    dnnl::matmul primitive;
    Memory::desc x, w, y, scratchpad;
};

// The calling thread's handles for a product: making them anew for every call costs as much as a small product.
struct Handles {
    explicit Handles(const Product& p)
        : stream(cpu_engine()),
          x(p.x, cpu_engine(), nullptr),
          w(p.w, cpu_engine(), nullptr),
          y(p.y, cpu_engine(), nullptr),
          scratchpad(p.scratchpad, cpu_engine(), nullptr),
          arguments{{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}, {DNNL_ARG_SCRATCHPAD, scratchpad}} {}

    dnnl::stream stream;
    Memory x, w, y, scratchpad;
    std::unordered_map<int, Memory> arguments;
};

void execute(const Product& p, const void* x, const void* w, float* y) {
    thread_local std::unordered_map<const Product*, std::unique_ptr<Handles>> known;
    std::unique_ptr<Handles>& handles = known[&p];
    if (!handles) handles = std::make_unique<Handles>(p);
    handles->x.set_data_handle(const_cast<void*>(x));
    handles->w.set_data_handle(const_cast<void*>(w));
    handles->y.set_data_handle(y);
    handles->scratchpad.set_data_handle(thread_scratchpad(p.scratchpad));
    p.primitive.execute(handles->stream, handles->arguments);
    handles->stream.wait();
}

// What oneDNN itself says it may use, so that a limit that came too late would show.
const char* effective_isa() {
    cpu_engine();
    switch (dnnl::get_effective_cpu_isa()) {
        case dnnl::cpu_isa::sse41:
            return "sse41";
        case dnnl::cpu_isa::avx:
            return "avx";
        case dnnl::cpu_isa::avx2:
            return "avx2";
        case dnnl::cpu_isa::avx512_core:
            return "avx512_core";
        case dnnl::cpu_isa::avx512_core_vnni:
            return "avx512_core_vnni";
        case dnnl::cpu_isa::avx512_core_bf16:
            return "avx512_core_bf16";
        case dnnl::cpu_isa::avx512_core_amx:
            return "avx512_core_amx";
        default:
            return "other";
    }
}

std::string describe() {
    const dnnl_version_t* v = dnnl_version();
    return fmt::format("oneDNN {}.{}.{} {}", v->major, v->minor, v->patch, effective_isa());
}

bool supports(GemmType type, const CpuIsa& isa) {
    return type == GemmType::kF32 || isa.avx512_bf16 || isa.amx_bf16;
}

// A product of matrices without gaps between rows; oneDNN 2.6 has its fast products for such only.
const Product& plain_product(GemmType type, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k,
                             bool accumulate) {
    static PrimitiveCache<std::tuple<GemmType, bool, std::int64_t, std::int64_t, std::int64_t, bool>, Product> cache;
    return cache.get({type, transpose_b, m, n, k, accumulate}, [&] {
        const auto a = row_major(m, k, data_type(type), k);
        const Memory::desc b({k, n}, data_type(type), transpose_b ? Memory::dims{1, k} : Memory::dims{n, 1});
        const auto c = row_major(m, n, Memory::data_type::f32, n);
        dnnl::primitive_attr attributes;
        attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
        if (accumulate) {
            dnnl::post_ops add;
            add.append_sum(1.0f);
            attributes.set_post_ops(add);
        }
        const auto lock = creation_lock();
        const dnnl::matmul::primitive_desc description({a, b, c}, attributes, cpu_engine());
        return Product{dnnl::matmul(description), a, b, c, description.scratchpad_desc()};
    });
}

// Products below this many operations are as fast through the interface that prepares nothing.
constexpr std::int64_t kWorthPreparing = std::int64_t{1} << 22;

void multiply(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
              const float* b, std::int64_t ldb, bool accumulate, float* c, std::int64_t ldc) {
    const SingleThread single;
    const bool gaps = lda != k || ldb != (transpose_b ? k : n) || ldc != n;
    if (transpose_b && !gaps && m * n * k >= kWorthPreparing) {
        execute(plain_product(GemmType::kF32, transpose_b, m, n, k, accumulate), a, b, c);
        return;
    }
    cpu_engine();  // sets the instruction set limit
    const dnnl_status_t status =
        dnnl_sgemm('N', transpose_b ? 'T' : 'N', m, n, k, 1.0f, a, lda, b, ldb, accumulate ? 1.0f : 0.0f, c, ldc);
    DWUBIT_CHECK(status == dnnl_success);
}

void multiply_bf16(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const std::uint16_t* a,
                   const std::uint16_t* b, bool accumulate, float* c) {
    const SingleThread single;
    execute(plain_product(GemmType::kBf16, transpose_b, m, n, k, accumulate), a, b, c);
}

}  // namespace

const GemmBackend* detail::configured_gemm() {
    static constexpr GemmBackend kBackend = {"onednn", describe, supports, multiply, multiply_bf16};
    return &kBackend;
}

}  // namespace dwubit
