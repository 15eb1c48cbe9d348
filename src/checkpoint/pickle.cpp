// Protocol 2, and of that what torch.save makes of dictionaries, lists, tuples, numbers, text and dense tensors.
//
// Time and memory are bounded by the program's length: there are no loops or jumps, each instruction pushes at most one
// value, and containers refer to values by number, so that what the memo repeats is neither copied nor walked again.
#include "checkpoint/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr std::size_t kMaxProgramBytes = 16 << 20;
constexpr std::size_t kMaxValues = 1 << 20;
constexpr std::size_t kMaxNameBytes = 256;
constexpr std::size_t kMaxRank = 64;
constexpr std::uint32_t kMark = std::numeric_limits<std::uint32_t>::max();

struct StorageClass {
    std::string_view name;
    DType dtype;
};

constexpr std::array<StorageClass, 10> kStorages = {{{"torch FloatStorage", DType::kF32},
                                                     {"torch DoubleStorage", DType::kF64},
                                                     {"torch HalfStorage", DType::kF16},
                                                     {"torch BFloat16Storage", DType::kBf16},
                                                     {"torch LongStorage", DType::kI64},
                                                     {"torch IntStorage", DType::kI32},
                                                     {"torch ShortStorage", DType::kI16},
                                                     {"torch CharStorage", DType::kI8},
                                                     {"torch ByteStorage", DType::kU8},
                                                     {"torch BoolStorage", DType::kBool}}};
constexpr std::string_view kRebuildTensor = "torch._utils _rebuild_tensor_v2";
constexpr std::string_view kOrderedDict = "collections OrderedDict";
constexpr std::string_view kSize = "torch Size";
// Values, not functions.
constexpr std::array<std::string_view, 10> kDTypes = {
    "torch float32", "torch float64", "torch float16", "torch bfloat16", "torch int64",
    "torch int32",   "torch int16",   "torch int8",    "torch uint8",    "torch bool"};

std::optional<DType> storage_dtype(std::string_view name) {
    for (const StorageClass& row : kStorages) {
        if (row.name == name) return row.dtype;
    }
    return std::nullopt;
}

bool is_allowed(std::string_view name) {
    return name == kRebuildTensor || name == kOrderedDict || name == kSize || storage_dtype(name).has_value() ||
           std::find(kDTypes.begin(), kDTypes.end(), name) != kDTypes.end();
}

Error broken(std::string_view what) {
    return errorf(ErrorKind::kInvalidInput, "the pickle inside is broken: {}", what);
}

class Machine {
public:
    Machine(std::span<const std::byte> program, const StorageLookup& storage) : program_(program), storage_(storage) {}

    Result<PickleValues> run() {
        while (!done_) {
            DWUBIT_ASSIGN(const auto opcode, read<std::uint8_t>());
            DWUBIT_TRY(step(opcode));
            if (values_.size() > kMaxValues) {
                return errorf(ErrorKind::kUnsupported, "the pickle inside has more than {} values", kMaxValues);
            }
        }
        return PickleValues{std::move(values_), root_};
    }

private:
    Result<void> step(std::uint8_t opcode);
    Result<bool> push_scalar(std::uint8_t opcode);
    Result<bool> build_container(std::uint8_t opcode);
    Result<bool> use_memo(std::uint8_t opcode);

    // --- reading the program ---

    template <class T>
    Result<T> read() {
        if (program_.size() - at_ < sizeof(T)) return broken("it ends inside an instruction");
        T value;
        std::memcpy(&value, program_.data() + at_, sizeof(T));
        at_ += sizeof(T);
        return value;
    }

    Result<std::string> read_text(std::size_t size) {
        if (program_.size() - at_ < size) return broken("a text passes its end");
        std::string text(reinterpret_cast<const char*>(program_.data() + at_), size);
        at_ += size;
        return text;
    }

    Result<std::string> read_line() {
        const auto* begin = reinterpret_cast<const char*>(program_.data() + at_);
        const std::string_view rest(begin, std::min(program_.size() - at_, kMaxNameBytes));
        const std::size_t end = rest.find('\n');
        if (end == std::string_view::npos) return broken("a name does not end");
        at_ += end + 1;
        return std::string(rest.substr(0, end));
    }

    // --- the stack ---

    void push(PtValue value) {
        values_.push_back(std::move(value));
        stack_.push_back(static_cast<std::uint32_t>(values_.size() - 1));
    }

    void push_integer(std::int64_t value) {
        PtValue made;
        made.kind = PtKind::kInteger;
        made.integer = value;
        push(std::move(made));
    }

    void push_kind(PtKind kind, std::int64_t integer = 0) {
        PtValue made;
        made.kind = kind;
        made.integer = integer;
        push(std::move(made));
    }

    Result<std::uint32_t> pop() {
        if (stack_.empty() || stack_.back() == kMark) return broken("its stack is empty");
        const std::uint32_t number = stack_.back();
        stack_.pop_back();
        return number;
    }

    // What was pushed after the last mark, which goes too.
    Result<std::vector<std::uint32_t>> pop_to_mark() {
        const auto mark = std::find(stack_.rbegin(), stack_.rend(), kMark);
        if (mark == stack_.rend()) return broken("a mark is missing");
        std::vector<std::uint32_t> items(mark.base(), stack_.end());
        stack_.erase(mark.base() - 1, stack_.end());
        return items;
    }

    Result<std::vector<std::uint32_t>> pop_count(std::size_t count) {
        std::vector<std::uint32_t> items(count);
        for (std::size_t i = count; i-- > 0;) {
            DWUBIT_ASSIGN(items[i], pop());
        }
        return items;
    }

    void push_list(std::vector<std::uint32_t> items) {
        PtValue list;
        list.kind = PtKind::kList;
        list.items = std::move(items);
        push(std::move(list));
    }

    // The container below what an instruction adds to it.
    Result<PtValue*> top(PtKind kind) {
        if (stack_.empty() || stack_.back() == kMark || values_[stack_.back()].kind != kind) {
            return broken("an item is added to what holds none");
        }
        return &values_[stack_.back()];
    }

    Result<void> add_items(PtKind kind, const std::vector<std::uint32_t>& items) {
        if (kind == PtKind::kDict && items.size() % 2 != 0) return broken("a key has no value");
        DWUBIT_ASSIGN(PtValue * container, top(kind));
        container->items.insert(container->items.end(), items.begin(), items.end());
        return {};
    }

    // --- objects ---

    Result<void> load_global();
    Result<void> load_storage();
    Result<void> reduce();
    Result<void> build();
    Result<void> rebuild_tensor(const std::vector<std::uint32_t>& arguments);
    Result<Shape> integers(std::uint32_t list) const;

    std::span<const std::byte> program_;
    const StorageLookup& storage_;
    std::size_t at_ = 0;
    bool done_ = false;
    std::uint32_t root_ = 0;
    std::vector<PtValue> values_;
    std::vector<std::uint32_t> stack_;
    std::unordered_map<std::uint32_t, std::uint32_t> memo_;
};

Result<void> Machine::load_global() {
    DWUBIT_ASSIGN(const std::string module, read_line());
    DWUBIT_ASSIGN(const std::string name, read_line());
    PtValue global;
    global.kind = PtKind::kGlobal;
    global.text = module + " " + name;
    if (!is_allowed(global.text)) {
        return errorf(ErrorKind::kUnsupported, "the pickle inside asks for {}.{}, which is not run",
                      printable(module, 60), printable(name, 60))
            .with_hint("only dense tensors, numbers, text, lists and dictionaries are read");
    }
    push(std::move(global));
    return {};
}

// ('storage', class, key, device, elements)
Result<void> Machine::load_storage() {
    DWUBIT_ASSIGN(const std::uint32_t id, pop());
    const std::vector<std::uint32_t>& parts = values_[id].items;
    const auto is = [&](std::size_t i, PtKind kind) { return values_[parts[i]].kind == kind; };
    if (values_[id].kind != PtKind::kList || parts.size() != 5 || !is(0, PtKind::kText) ||
        values_[parts[0]].text != "storage" || !is(1, PtKind::kGlobal) || !is(2, PtKind::kText) ||
        values_[parts[2]].text.size() > kMaxNameBytes || !is(4, PtKind::kInteger)) {
        return broken("a storage is not described as torch does");
    }
    const auto dtype = storage_dtype(values_[parts[1]].text);
    if (!dtype) return broken("a storage has no storage class");
    DWUBIT_ASSIGN(const auto bytes, storage_(values_[parts[2]].text));
    const std::int64_t elements = values_[parts[4]].integer;
    if (elements < 0 || static_cast<std::uint64_t>(elements) > bytes.size() / dtype_size(*dtype)) {
        return broken(fmt::format("a storage of {} x {} has {} bytes", elements, dtype_name(*dtype), bytes.size()));
    }
    PtValue storage;
    storage.kind = PtKind::kStorage;
    storage.dtype = *dtype;
    storage.bytes = bytes.first(static_cast<std::size_t>(elements) * dtype_size(*dtype));
    push(std::move(storage));
    return {};
}

Result<Shape> Machine::integers(std::uint32_t list) const {
    Shape numbers;
    if (values_[list].kind != PtKind::kList || values_[list].items.size() > kMaxRank) {
        return broken("a tensor's sizes are no short tuple");
    }
    for (const std::uint32_t item : values_[list].items) {
        if (values_[item].kind != PtKind::kInteger || values_[item].integer < 0) {
            return broken("a tensor has a size or stride that is no count");
        }
        numbers.push_back(values_[item].integer);
    }
    return numbers;
}

bool is_contiguous(const Shape& shape, const Shape& strides) {
    std::int64_t expected = 1;  // shape's product was checked for overflow
    for (std::size_t i = shape.size(); i-- > 0;) {
        if (shape[i] != 1 && strides[i] != expected) return false;
        expected *= shape[i];
    }
    return true;
}

// (storage, offset, sizes, strides, requires_grad, hooks)
Result<void> Machine::rebuild_tensor(const std::vector<std::uint32_t>& arguments) {
    if (arguments.size() < 6 || arguments.size() > 7 || values_[arguments[0]].kind != PtKind::kStorage ||
        values_[arguments[1]].kind != PtKind::kInteger) {
        return broken("a tensor is not described as torch does");
    }
    const PtValue& storage = values_[arguments[0]];
    const std::int64_t offset = values_[arguments[1]].integer;
    PtValue tensor;
    tensor.kind = PtKind::kTensor;
    tensor.dtype = storage.dtype;
    DWUBIT_ASSIGN(tensor.shape, integers(arguments[2]));
    DWUBIT_ASSIGN(const Shape strides, integers(arguments[3]));
    std::int64_t count = 0;
    const std::uint64_t there = storage.bytes.size() / dtype_size(storage.dtype);
    if (strides.size() != tensor.shape.size() || !element_count(tensor.shape, &count) || offset < 0 ||
        static_cast<std::uint64_t>(offset) > there ||
        static_cast<std::uint64_t>(count) > there - static_cast<std::uint64_t>(offset)) {
        return broken(fmt::format("a tensor of shape {} at {} passes its storage of {}",
                                  printable(to_string(tensor.shape)), offset, there));
    }
    if (count > 0 && !is_contiguous(tensor.shape, strides)) {
        return errorf(ErrorKind::kUnsupported, "a tensor of shape {} has strides {}: it is a view of another",
                      printable(to_string(tensor.shape)), printable(to_string(strides)))
            .with_hint("save it with .contiguous()");
    }
    const std::size_t size = dtype_size(storage.dtype);
    tensor.bytes =
        storage.bytes.subspan(static_cast<std::size_t>(offset) * size, static_cast<std::size_t>(count) * size);
    push(std::move(tensor));
    return {};
}

Result<void> Machine::reduce() {
    DWUBIT_ASSIGN(const std::uint32_t tuple, pop());
    DWUBIT_ASSIGN(const std::uint32_t function, pop());
    if (values_[function].kind != PtKind::kGlobal || values_[tuple].kind != PtKind::kList) {
        return broken("it calls what is no function");
    }
    const std::vector<std::uint32_t>& arguments = values_[tuple].items;  // until the next push
    const std::string& name = values_[function].text;
    if (name == kRebuildTensor) return rebuild_tensor(arguments);
    if (name == kOrderedDict && arguments.empty()) {
        push_kind(PtKind::kDict);
        return {};
    }
    if (name == kSize && arguments.size() == 1) {
        stack_.push_back(arguments[0]);
        return {};
    }
    return broken(fmt::format("it calls {} with {} arguments", printable(name), arguments.size()));
}

// A dict's attributes (a state dict's _metadata) are of no interest.
Result<void> Machine::build() {
    const auto state = pop();
    if (!state.ok()) return state.error();
    const auto dict = top(PtKind::kDict);
    if (!dict.ok()) return broken("it sets attributes of what has none");
    return {};
}

// False where `opcode` is none of these.
Result<bool> Machine::push_scalar(std::uint8_t opcode) {
    switch (opcode) {
        case 'N':
            push_kind(PtKind::kNone);
            return true;
        case 0x88:
        case 0x89:
            push_kind(PtKind::kBool, opcode == 0x88 ? 1 : 0);
            return true;
        case 'K': {
            DWUBIT_ASSIGN(const auto value, read<std::uint8_t>());
            push_integer(value);
            return true;
        }
        case 'M': {
            DWUBIT_ASSIGN(const auto value, read<std::uint16_t>());
            push_integer(value);
            return true;
        }
        case 'J': {
            DWUBIT_ASSIGN(const auto value, read<std::int32_t>());
            push_integer(value);
            return true;
        }
        case 0x8a: {  // two's complement of any length
            DWUBIT_ASSIGN(const auto size, read<std::uint8_t>());
            DWUBIT_ASSIGN(const std::string bytes, read_text(size));
            if (size > 8) return errorf(ErrorKind::kUnsupported, "the pickle inside has an integer above 64 bits");
            std::uint64_t value = size > 0 && (bytes.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
            std::memcpy(&value, bytes.data(), size);
            push_integer(static_cast<std::int64_t>(value));
            return true;
        }
        case 'G': {  // big-endian
            DWUBIT_ASSIGN(const auto bits, read<std::uint64_t>());
            PtValue made;
            made.kind = PtKind::kNumber;
            made.number = std::bit_cast<double>(__builtin_bswap64(bits));
            push(std::move(made));
            return true;
        }
        case 'X': {
            DWUBIT_ASSIGN(const auto size, read<std::uint32_t>());
            PtValue made;
            made.kind = PtKind::kText;
            DWUBIT_ASSIGN(made.text, read_text(size));
            push(std::move(made));
            return true;
        }
        default:
            return false;
    }
}

Result<bool> Machine::build_container(std::uint8_t opcode) {
    std::vector<std::uint32_t> items;
    switch (opcode) {
        case '}':
            push_kind(PtKind::kDict);
            return true;
        case ']':
        case ')':
            push_kind(PtKind::kList);
            return true;
        case '(':
            stack_.push_back(kMark);
            return true;
        case 't': {
            DWUBIT_ASSIGN(items, pop_to_mark());
            push_list(std::move(items));
            return true;
        }
        case 0x85:
        case 0x86:
        case 0x87: {
            DWUBIT_ASSIGN(items, pop_count(opcode - 0x84U));
            push_list(std::move(items));
            return true;
        }
        case 'u':
        case 'e': {
            DWUBIT_ASSIGN(items, pop_to_mark());
            DWUBIT_TRY(add_items(opcode == 'u' ? PtKind::kDict : PtKind::kList, items));
            return true;
        }
        case 's':
        case 'a': {
            DWUBIT_ASSIGN(items, pop_count(opcode == 's' ? 2 : 1));
            DWUBIT_TRY(add_items(opcode == 's' ? PtKind::kDict : PtKind::kList, items));
            return true;
        }
        default:
            return false;
    }
}

Result<bool> Machine::use_memo(std::uint8_t opcode) {
    std::uint32_t key = 0;
    if (opcode == 'q' || opcode == 'h') {
        DWUBIT_ASSIGN(key, read<std::uint8_t>());
    } else if (opcode == 'r' || opcode == 'j') {
        DWUBIT_ASSIGN(key, read<std::uint32_t>());
    } else {
        return false;
    }
    if (opcode == 'q' || opcode == 'r') {
        if (stack_.empty() || stack_.back() == kMark) return broken("it remembers nothing");
        memo_[key] = stack_.back();
        return true;
    }
    const auto at = memo_.find(key);
    if (at == memo_.end()) return broken("it recalls what it never had");
    stack_.push_back(at->second);
    return true;
}

Result<void> Machine::step(std::uint8_t opcode) {
    if (opcode == 0x80) {
        DWUBIT_ASSIGN(const auto protocol, read<std::uint8_t>());
        if (protocol == 2) return {};
        return errorf(ErrorKind::kUnsupported, "the pickle inside has protocol {}; torch.save writes 2", protocol);
    }
    if (opcode == '.') {
        DWUBIT_ASSIGN(root_, pop());
        done_ = true;
        return {};
    }
    if (opcode == 'c') return load_global();
    if (opcode == 'Q') return load_storage();
    if (opcode == 'R') return reduce();
    if (opcode == 'b') return build();
    for (const auto group : {&Machine::push_scalar, &Machine::build_container, &Machine::use_memo}) {
        DWUBIT_ASSIGN(const bool known, (this->*group)(opcode));
        if (known) return {};
    }
    return errorf(ErrorKind::kUnsupported, "the pickle inside has instruction 0x{:02x} at byte {}, which is not run",
                  opcode, at_ - 1)
        .with_hint("only dense tensors, numbers, text, lists and dictionaries are read");
}

}  // namespace

Result<PickleValues> read_pickle(std::span<const std::byte> program, const StorageLookup& storage) {
    if (program.size() > kMaxProgramBytes) {
        return errorf(ErrorKind::kUnsupported, "the pickle inside has {} bytes, the limit is {}", program.size(),
                      kMaxProgramBytes);
    }
    return Machine(program, storage).run();
}

}  // namespace dwubit
