// oneDNN's matmul on weights in its blocked order. One primitive per shape, made on first use.
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

// Held while a primitive is made. oneDNN 2.6 looks reorders up in a map of its own that the lookup may insert into,
// without a lock; and TSan does not see the locks inside the library.
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

// Setting a handle makes oneDNN write zeros over the padding of a blocked order. Threads that share a packed matrix so
// write the zeros that stand there already.
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

// oneDNN 2.6 has its fast products for outputs without gaps only.
Product make_product(GemmType type, std::int64_t rows, std::int64_t n, std::int64_t k, const Memory::desc& w) {
    const auto x = row_major(rows, k, data_type(type), k);
    const auto y = row_major(rows, n, Memory::data_type::f32, n);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const auto lock = creation_lock();
    const dnnl::matmul::primitive_desc description({x, w, y}, attributes, cpu_engine());
    return {dnnl::matmul(description), x, description.weights_desc(), y, description.scratchpad_desc()};
}

// Weights are packed in the order that a product of this many rows asks for; oneDNN 2.6 asks for the same at any number
// of rows.
constexpr std::int64_t kPackingRows = 64;

// `packed_n`: of the whole matrix that the `n` columns are part of; the strides of some orders depend on it.
const Product& product(GemmType type, std::int64_t rows, std::int64_t n, std::int64_t packed_n, std::int64_t k,
                       const Memory::desc& w) {
    static PrimitiveCache<std::tuple<GemmType, std::int64_t, std::int64_t, std::int64_t, std::int64_t>, Product> cache;
    return cache.get({type, rows, n, packed_n, k}, [&] { return make_product(type, rows, n, k, w); });
}

dnnl::reorder make_reorder(const Memory& from, const Memory& to) {
    const auto lock = creation_lock();
    return {from, to};
}

class OnednnMatrix final : public PackedMatrix {
public:
    OnednnMatrix(GemmType type, const void* w, std::int64_t n, std::int64_t k) : type_(type), n_(n), k_(k) {
        const SingleThread single;
        const Memory::desc any({k, n}, data_type(type), Memory::format_tag::any);
        description_ = make_product(type, kPackingRows, n, k, any).w;
        packed_.reserve(description_.get_size());
        // Wᵀ as [k, n] is W's rows read with strides {1, k}.
        const Memory::desc plain({k, n}, data_type(type), Memory::dims{1, k});
        Memory from(plain, cpu_engine(), const_cast<void*>(w));
        Memory to(description_, cpu_engine(), packed_.data());
        dnnl::stream stream(cpu_engine());
        const dnnl::reorder reorder = make_reorder(from, to);
        reorder.execute(stream, from, to);
        stream.wait();
    }

    void apply(const void* x, std::int64_t rows, std::int64_t first, std::int64_t columns, float* y) const override {
        if (rows == 0) return;
        const SingleThread single;
        Memory::desc panel = description_;
        if (columns != n_) {
            panel = description_.submemory_desc({k_, columns}, {0, first});
            panel.data.offset0 = 0;  // products start at their memory's first byte; the pointer carries the offset
        }
        const Product& p = product(type_, rows, columns, n_, k_, panel);
        execute(p, x, packed_.data() + panel_offset(first, columns), y);
    }

private:
    std::size_t panel_offset(std::int64_t first, std::int64_t columns) const {
        if (first == 0) return 0;
        const std::size_t element = type_ == GemmType::kBf16 ? 2 : 4;
        return static_cast<std::size_t>(description_.submemory_desc({k_, columns}, {0, first}).data.offset0) * element;
    }

    GemmType type_;
    std::int64_t n_;
    std::int64_t k_;
    Memory::desc description_;
    AlignedBuffer<std::byte> packed_;
};

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

std::unique_ptr<PackedMatrix> pack(GemmType type, const void* w, std::int64_t n, std::int64_t k) {
    return std::make_unique<OnednnMatrix>(type, w, n, k);
}

void multiply(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const float* a, std::int64_t lda,
              const float* b, std::int64_t ldb, bool accumulate, float* c, std::int64_t ldc) {
    const SingleThread single;
    cpu_engine();  // sets the instruction set limit
    const dnnl_status_t status =
        dnnl_sgemm('N', transpose_b ? 'T' : 'N', m, n, k, 1.0f, a, lda, b, ldb, accumulate ? 1.0f : 0.0f, c, ldc);
    DWUBIT_CHECK(status == dnnl_success);
}

const Product& bf16_product(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, bool accumulate) {
    static PrimitiveCache<std::tuple<bool, std::int64_t, std::int64_t, std::int64_t, bool>, Product> cache;
    return cache.get({transpose_b, m, n, k, accumulate}, [&] {
        const auto bf16 = Memory::data_type::bf16;
        const auto a = row_major(m, k, bf16, k);
        const Memory::desc b({k, n}, bf16, transpose_b ? Memory::dims{1, k} : Memory::dims{n, 1});
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

void multiply_bf16(bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const std::uint16_t* a,
                   const std::uint16_t* b, bool accumulate, float* c) {
    const SingleThread single;
    execute(bf16_product(transpose_b, m, n, k, accumulate), a, b, c);
}

}  // namespace

const GemmBackend* detail::configured_gemm() {
    static constexpr GemmBackend kBackend = {"onednn", describe, supports, pack, multiply, multiply_bf16};
    return &kBackend;
}

}  // namespace dwubit
