"""Problems are grouped by what is wrong, and say how many rows and which."""

from lib.row_problems import RowProblem, group_problems, limit_problems


def test_the_same_problem_is_said_once_with_its_rows() -> None:
    problems = [RowProblem(row, "context", "Required.") for row in (*range(2, 60), 70, 72)]
    [found] = group_problems([*problems, RowProblem(2, "context", "Required.")])
    assert str(found) == "60 rows (2 to 59, 70, 72), column context: Required."
    assert group_problems([found]) == [found]


def test_one_row_is_written_as_one() -> None:
    [found] = group_problems([RowProblem(7, "", "is odd.")])
    assert str(found) == "row 7: is odd."
    assert found.rows_text == "7"


def test_a_problem_of_the_file_has_no_row() -> None:
    found = group_problems([RowProblem(None, "", "Too large."), RowProblem(3, "", "Too large.")])
    assert [str(each) for each in found] == ["Too large.", "row 3: Too large."]


def test_many_runs_of_rows_are_shortened() -> None:
    [found] = group_problems(RowProblem(row, "a", "x") for row in range(1, 40, 2))
    assert str(found) == "20 rows (1, 3, 5, 7, 9, ...), column a: x"


def test_the_first_problem_of_a_cell_counts_and_the_rest_is_counted() -> None:
    problems = [RowProblem(row, "a", f"{row} is wrong") for row in range(300, 0, -1)]
    found = limit_problems([*problems, RowProblem(1, "a", "once more")])
    assert [str(each) for each in found[:2]] == ["row 1, column a: 1 is wrong", "row 2, column a: 2 is wrong"]
    assert len(found) == 21
    assert str(found[-1]) == "... and 280 more problems."
    assert str(limit_problems(problems[:21])[-1]) == "... and 1 more problem."
