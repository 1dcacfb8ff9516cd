"""No file is too long to read in one sitting, no function too long to see at once."""

from tests.architecture.sizes import long_functions, long_lines, oversized_file
from tests.architecture.tree import CODE, TESTS, report, sources


def test_no_file_is_oversized():
    report([problem for source in sources(*CODE, *TESTS) for problem in oversized_file(source)])


def test_no_line_is_too_wide():
    """In tests the formatter sees to the code; what is left are queries in strings."""
    report([problem for source in sources(*CODE) for problem in long_lines(source)])


def test_no_function_is_oversized():
    report([problem for source in sources(*CODE) for problem in long_functions(source)])
