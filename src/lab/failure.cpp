#include "lab/failure.h"

#include <c10/util/Exception.h>

#include <new>
#include <string>

namespace dwubit::lab {

Error current_error() {
    try {
        throw;
    } catch (const Failure& failure) {
        return failure.error();
    } catch (const c10::Error& error) {
        // What libtorch says is long and has a stack trace: the first line.
        const std::string all = error.what_without_backtrace();
        const std::string text = all.substr(0, all.find('\n'));
        const bool memory =
            text.find("out of memory") != std::string::npos || text.find("can't allocate") != std::string::npos;
        return errorf(memory ? ErrorKind::kOutOfMemory : ErrorKind::kInternal, "libtorch: {}", text);
    } catch (const std::bad_alloc&) {
        return make_error(ErrorKind::kOutOfMemory, "out of memory");
    } catch (const std::exception& exception) {
        return make_error(ErrorKind::kInternal, exception.what());
    } catch (...) {
        return make_error(ErrorKind::kInternal, "an exception of no known type");
    }
}

}  // namespace dwubit::lab
